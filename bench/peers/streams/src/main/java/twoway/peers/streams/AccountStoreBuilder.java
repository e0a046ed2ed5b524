package twoway.peers.streams;

import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/** Builds a partition's {@link AccountStore} over a plain store in memory with a changelog. */
final class AccountStoreBuilder implements StoreBuilder<AccountStore> {
    private final int redisPort;
    private final String servers;
    private final CountDownLatch done;
    private final StoreBuilder<KeyValueStore<Bytes, byte[]>> plain = Stores.keyValueStoreBuilder(
            Stores.inMemoryKeyValueStore(AccountStore.NAME), Serdes.Bytes(), Serdes.ByteArray());

    AccountStoreBuilder(int redisPort, String servers, CountDownLatch done) {
        this.redisPort = redisPort;
        this.servers = servers;
        this.done = done;
    }

    @Override
    public AccountStore build() {
        return new AccountStore(plain.build(), redisPort, servers, done);
    }

    @Override
    public StoreBuilder<AccountStore> withCachingEnabled() {
        return this; // the store of accounts is its own cache
    }

    @Override
    public StoreBuilder<AccountStore> withCachingDisabled() {
        return this;
    }

    @Override
    public StoreBuilder<AccountStore> withLoggingEnabled(Map<String, String> configuration) {
        plain.withLoggingEnabled(configuration);
        return this;
    }

    @Override
    public StoreBuilder<AccountStore> withLoggingDisabled() {
        plain.withLoggingDisabled();
        return this;
    }

    @Override
    public Map<String, String> logConfig() {
        return plain.logConfig();
    }

    @Override
    public boolean loggingEnabled() {
        return plain.loggingEnabled();
    }

    @Override
    public String name() {
        return AccountStore.NAME;
    }
}
