package twoway.peers.tally;

import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.Pipeline;
import redis.clients.jedis.Protocol;

/** Writes rows to Redis through one pipelined connection. One thread only. */
public final class RedisTable implements AutoCloseable {
    /** Commands sent before their answers are read: enough that the round trip costs nothing. */
    private static final int AT_ONCE = 2_000;

    private final Jedis connection;
    private final Pipeline pipeline;
    private int sent;

    public RedisTable(int port) {
        connection = new Jedis(new HostAndPort("127.0.0.1", port), DefaultJedisClientConfig.builder().build());
        pipeline = connection.pipelined();
    }

    /** Nothing for null. */
    public void set(byte[][] keyFieldsAndValues) {
        send(Protocol.Command.HSET, keyFieldsAndValues);
    }

    /** Nothing for null. */
    public void delete(byte[][] keyAndFields) {
        send(Protocol.Command.HDEL, keyAndFields);
    }

    /** Everything sent is in Redis when this returns. */
    public void flush() {
        if (sent > 0) {
            pipeline.sync();
            sent = 0;
        }
    }

    @Override
    public void close() {
        connection.close();
    }

    private void send(Protocol.Command command, byte[][] arguments) {
        if (arguments != null) {
            pipeline.sendCommand(command, arguments);
            if (++sent == AT_ONCE) {
                flush();
            }
        }
    }
}
