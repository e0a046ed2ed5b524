package twoway.peers.flink;

import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import twoway.peers.tally.Outcome;
import twoway.peers.tally.RedisTable;

/**
 * Writes rows to Redis. Everything before a checkpoint's barrier is written before the checkpoint counts: at least once,
 * and since rows are absolute, the same row twice changes nothing.
 */
final class RedisSink implements Sink<RowChange> {
    private static final long serialVersionUID = 1;

    private final int port;

    RedisSink(int port) {
        this.port = port;
    }

    @Override
    public SinkWriter<RowChange> createWriter(WriterInitContext context) {
        return new Writer(new RedisTable(port));
    }

    private record Writer(RedisTable table) implements SinkWriter<RowChange> {
        @Override
        public void write(RowChange change, Context context) {
            table.delete(change.delete);
            table.set(change.set);
        }

        @Override
        public void flush(boolean endOfInput) {
            table.flush();
            if (endOfInput) {
                Outcome.written();
            }
        }

        @Override
        public void close() {
            table.close();
        }
    }
}
