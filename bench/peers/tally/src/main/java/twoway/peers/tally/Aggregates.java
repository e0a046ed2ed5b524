package twoway.peers.tally;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Publishes rows to the aggregate topics, as our worker does: an upsert of JSON a row, of each row the newest since the
 * last flush, acknowledged when {@link #flush} returns. With {@code -Dpublish=false} it does nothing. Left out: answers
 * and reply times, and the record that says that a window closed. One thread only.
 */
public final class Aggregates implements AutoCloseable {
    /** Whether rows are published. */
    public static final boolean IS_ON = Boolean.parseBoolean(System.getProperty("publish", "true"));

    /** The peers do not hold platforms apart: every record is said to be of this one. */
    private static final String PLATFORM = "facebook";
    private static final String[] COUNTS = {
        "\"likes\":", ",\"comments\":", ",\"shares\":", ",\"replies\":", ",\"posts\":"
    };

    private final KafkaProducer<byte[], byte[]> producer;
    private final Map<String, Pending> pending = new LinkedHashMap<>();
    private final StringBuilder text = new StringBuilder(512);
    private volatile Exception failure;

    /** The rows of a page that are to be published. */
    private static final class Pending {
        Changed newest;
        final Map<Long, int[]> rows = new HashMap<>();
    }

    /** Rows of a page as they are now: {@code State.COLUMNS} counts of each code. */
    public record Changed(boolean isPost, String account, String id, long lastMs, long[] codes, int[] counts) {}

    public Aggregates(String servers) {
        Properties properties = new Properties();
        properties.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, servers);
        properties.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, "lz4");
        properties.put(ProducerConfig.LINGER_MS_CONFIG, 20);
        properties.put(ProducerConfig.BATCH_SIZE_CONFIG, 512 * 1024);
        properties.put(ProducerConfig.BUFFER_MEMORY_CONFIG, 64L << 20);
        producer = IS_ON
                ? new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())
                : null;
    }

    /** These rows are to be published. */
    public void put(Changed changed) {
        if (producer == null || changed.codes.length == 0) {
            return;
        }
        Pending page = pending.computeIfAbsent((changed.isPost ? "p" : "a") + changed.id, name -> new Pending());
        page.newest = changed;
        for (int i = 0; i < changed.codes.length; i++) {
            int[] counts = new int[State.COLUMNS];
            System.arraycopy(changed.counts, i * State.COLUMNS, counts, 0, State.COLUMNS);
            page.rows.put(changed.codes[i], counts);
        }
    }

    /** Everything that was put is acknowledged when this returns. */
    public void flush() {
        if (producer == null) {
            return;
        }
        long revision = 2 * System.currentTimeMillis();
        pending.values().forEach(page -> send(page, revision));
        pending.clear();
        producer.flush();
        if (failure != null) {
            throw new IllegalStateException("rows could not be published", failure);
        }
    }

    @Override
    public void close() {
        if (producer != null) {
            producer.close();
        }
    }

    private void send(Pending page, long revision) {
        Changed newest = page.newest;
        String topic = newest.isPost ? "engagement.posts" : "engagement.accounts";
        String head = "{\"entity\":\"" + (newest.isPost ? "post" : "account") + "\",\"platform\":\"" + PLATFORM
                + "\",\"account\":\"" + quoted(newest.account) + "\",\"id\":\"" + quoted(newest.id) + "\",";
        String tail = ",\"revision\":" + revision + ",\"final\":false,\"as_of_ms\":" + Math.max(0, newest.lastMs)
                + ",\"source\":\"events\"}";
        String key = PLATFORM + ":" + newest.id + "|";
        page.rows.forEach((code, counts) -> {
            text.setLength(0);
            text.append(head);
            putRow(code, counts);
            byte[] value = text.append(tail).toString().getBytes(StandardCharsets.UTF_8);
            String start = code == Windows.ALL ? "" : Long.toString(Windows.startMs(code));
            byte[] itsKey = (key + Windows.size(code) + "|" + start).getBytes(StandardCharsets.UTF_8);
            producer.send(new ProducerRecord<>(topic, itsKey, value), (sent, error) -> {
                if (error != null) {
                    failure = error;
                }
            });
        });
    }

    private void putRow(long code, int[] counts) {
        text.append("\"window\":\"").append(Windows.size(code)).append("\",\"start_ms\":");
        if (code == Windows.ALL) {
            text.append("null,\"end_ms\":null,");
        } else {
            text.append(Windows.startMs(code)).append(",\"end_ms\":").append(Windows.endMs(code)).append(',');
        }
        for (int column = 0; column < State.COLUMNS; column++) {
            text.append(COUNTS[column]).append(counts[column]);
        }
        int all = counts[State.LIKE] + counts[State.COMMENT] + counts[State.SHARE];
        putRatio(",\"comment_to_like\":", counts[State.COMMENT], counts[State.LIKE]);
        putRatio(",\"conversation_share\":", counts[State.COMMENT], all);
    }

    private void putRatio(String name, int part, int whole) {
        text.append(name);
        if (whole == 0) {
            text.append("null");
        } else {
            text.append((double) part / whole);
        }
    }

    private static String quoted(String id) {
        return new String(JsonStringEncoder.getInstance().quoteAsString(id));
    }
}
