package twoway.peers.streams;

import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.internals.CacheFlushListener;
import org.apache.kafka.streams.state.internals.CachedStateStore;
import twoway.peers.tally.Account;
import twoway.peers.tally.Aggregates;
import twoway.peers.tally.Interaction;
import twoway.peers.tally.Outcome;
import twoway.peers.tally.Page;
import twoway.peers.tally.RedisTable;
import twoway.peers.tally.Rows;

/**
 * A partition's accounts as objects, written back before every commit: first the rows that changed to Redis and to the
 * aggregate topics, then what changed to a plain store and so to its changelog, in the transaction that commits the
 * offsets. The moment before the commit is that of Streams' own caches, {@link CachedStateStore}. A crash between the two
 * leaves rows in Redis that are ahead; the records are read again and give the same rows.
 */
final class AccountStore implements StateStore, CachedStateStore<Object, Object> {
    static final String NAME = "accounts";

    private final KeyValueStore<Bytes, byte[]> plain;
    private final int redisPort;
    private final String servers;
    private final CountDownLatch done;
    private final Map<String, Held> accounts = new HashMap<>();
    private final Set<Held> changed = new LinkedHashSet<>();
    private final Rows rows = new Rows();
    private RedisTable redis;
    private Aggregates aggregates;
    private long processed;

    /** An account with what was said of its objects since the last commit, and its posts that it was said about. */
    static final class Held {
        final String id;
        final Account account = new Account();
        final Map<String, Page> posts = new HashMap<>();
        long[] said = new long[16];
        int saidSize;
        int parts;

        Held(String id) {
            this.id = id;
        }

        void say(long object, long state) {
            if (saidSize == said.length) {
                said = Arrays.copyOf(said, saidSize * 2);
            }
            said[saidSize++] = object;
            said[saidSize++] = state;
        }
    }

    AccountStore(KeyValueStore<Bytes, byte[]> plain, int redisPort, String servers, CountDownLatch done) {
        this.plain = plain;
        this.redisPort = redisPort;
        this.servers = servers;
        this.done = done;
    }

    /** Makes the objects of what the plain store holds, once it is restored. */
    void load() {
        redis = new RedisTable(redisPort);
        aggregates = new Aggregates(servers);
        try (KeyValueIterator<Bytes, byte[]> all = plain.all()) {
            all.forEachRemaining(entry -> Saved.read(entry.key.get(), entry.value, this::held));
        }
    }

    void take(Interaction interaction) {
        Held held = held(interaction.account);
        Page page = held.account.post(interaction.post);
        if (held.account.take(page, interaction.id, interaction.state)) {
            changed.add(held);
            held.posts.put(interaction.post, page);
            held.say(interaction.id, interaction.state);
        }
    }

    /** A record is done with. */
    void processed() {
        processed++;
    }

    @Override
    public void flushCache() {
        Saved.Writer writer = (key, value) -> plain.put(Bytes.wrap(key), value);
        for (Held held : changed) {
            Saved.writeSaid(held, writer);
            Saved.writePage(held.id, "", held.account.page, writer);
            send(false, held.id, held.id, held.account.page);
            held.posts.forEach((post, page) -> {
                Saved.writePage(held.id, post, page, writer);
                send(true, held.id, post, page);
            });
            held.posts.clear();
        }
        changed.clear();
        if (processed > 0) { // else it is closing or has just been restored: nothing of its own to tell
            redis.flush();
            Outcome.counted(processed);
            if (Outcome.isComplete()) {
                Outcome.written();
            }
            aggregates.flush();
            Outcome.published(processed);
            processed = 0;
        }
        if (Outcome.isPublished()) {
            done.countDown();
        }
    }

    @Override
    public boolean setFlushListener(CacheFlushListener<Object, Object> listener, boolean sendOldValues) {
        return false;
    }

    @Override
    public void clearCache() {
        accounts.clear();
        changed.clear();
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public void init(StateStoreContext context, StateStore root) {
        plain.init(context, this);
    }

    @Override
    public void close() {
        if (redis != null) {
            redis.close();
            aggregates.close();
        }
        plain.close();
    }

    @Override
    public boolean persistent() {
        return false;
    }

    @Override
    public boolean isOpen() {
        return plain.isOpen();
    }

    private Held held(String account) {
        Held found = accounts.get(account);
        if (found == null) {
            found = new Held(account);
            accounts.put(account, found);
        }
        return found;
    }

    private void send(boolean isPost, String account, String id, Page page) {
        rows.take(isPost ? Rows.POST : Rows.ACCOUNT, id, page);
        redis.delete(rows.toDelete());
        redis.set(rows.toSet());
        aggregates.put(new Aggregates.Changed(isPost, account, id, page.lastMs(), rows.codes(), rows.counts()));
    }
}
