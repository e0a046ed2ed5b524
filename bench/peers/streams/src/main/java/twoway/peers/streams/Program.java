package twoway.peers.streams;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import twoway.peers.tally.Outcome;

/**
 * The counting program: Kafka, one processor with a store of accounts, rows to Redis before every commit. Arguments:
 * Kafka's servers, topic, Redis' port, number of records in the topic, folder for state, threads, application's id.
 */
public final class Program {
    private static final int COMMIT_MS = Integer.getInteger("commit.ms", 1_000);
    /** Streams' own 10 s would abort the commit of a busy machine: all rows since the last one are published in it. */
    private static final int TRANSACTION_MS = 30_000;
    private static final Duration CLOSING = Duration.ofSeconds(30);

    private Program() {}

    public static void main(String[] arguments) throws Exception {
        String topic = arguments[1];
        int redisPort = Integer.parseInt(arguments[2]);
        Outcome.expect(Long.parseLong(arguments[3]));
        Map<Integer, Long> ends = ends(arguments[0], topic);
        CountDownLatch done = new CountDownLatch(1);
        Topology topology = new Topology();
        topology.addSource("interactions", topic)
                .addProcessor("count", () -> new CountProcessor(ends), "interactions")
                .addStateStore(new AccountStoreBuilder(redisPort, arguments[0], done), "count");
        AtomicReference<Throwable> failure = new AtomicReference<>();
        try (KafkaStreams streams = new KafkaStreams(topology, configuration(arguments))) {
            streams.setUncaughtExceptionHandler(error -> {
                failure.compareAndSet(null, error);
                done.countDown();
                return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
            });
            streams.start();
            done.await();
            // The last commit is on its way: a failure of it comes now.
            streams.close(CLOSING);
        }
        if (failure.get() != null) {
            System.err.println("Kafka Streams failed: " + root(failure.get()));
            System.exit(1);
        }
        Outcome.print();
    }

    private static Throwable root(Throwable error) {
        return error.getCause() == null ? error : root(error.getCause());
    }

    private static Properties configuration(String[] arguments) {
        Properties properties = new Properties();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[6]);
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        properties.put(StreamsConfig.STATE_DIR_CONFIG, arguments[4]);
        properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, arguments[5]);
        properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, COMMIT_MS);
        properties.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        properties.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        properties.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        properties.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        properties.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 10_000);
        properties.put(StreamsConfig.consumerPrefix(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG), 50);
        properties.put(StreamsConfig.consumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG), 6_000);
        properties.put(StreamsConfig.consumerPrefix(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG), 2_000);
        properties.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 20_000);
        properties.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
        properties.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 20);
        properties.put(StreamsConfig.producerPrefix(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG), TRANSACTION_MS);
        properties.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 * 1024);
        return properties;
    }

    private static Map<Integer, Long> ends(String servers, String topic) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", servers))) {
            Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
            admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions()
                    .forEach(found -> wanted.put(new TopicPartition(topic, found.partition()), OffsetSpec.latest()));
            Map<Integer, Long> ends = new HashMap<>();
            admin.listOffsets(wanted).all().get()
                    .forEach((partition, found) -> ends.put(partition.partition(), found.offset()));
            return ends;
        }
    }
}
