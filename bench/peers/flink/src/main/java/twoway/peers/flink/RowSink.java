package twoway.peers.flink;

import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import twoway.peers.tally.Aggregates;
import twoway.peers.tally.Outcome;
import twoway.peers.tally.RedisTable;

/**
 * Writes rows to Redis, and to the aggregate topics what is newest of each before a checkpoint. Everything before a
 * checkpoint's barrier is written before the checkpoint counts: at least once, and since rows are absolute, the same row
 * twice changes nothing.
 */
final class RowSink implements Sink<RowChange> {
    private static final long serialVersionUID = 1;

    private final int port;
    private final String servers;

    RowSink(int port, String servers) {
        this.port = port;
        this.servers = servers;
    }

    @Override
    public SinkWriter<RowChange> createWriter(WriterInitContext context) {
        return new Writer(new RedisTable(port), new Aggregates(servers));
    }

    private record Writer(RedisTable table, Aggregates aggregates) implements SinkWriter<RowChange> {
        @Override
        public void write(RowChange change, Context context) {
            table.delete(change.delete);
            table.set(change.set);
            aggregates.put(change.changed());
        }

        @Override
        public void flush(boolean endOfInput) {
            table.flush();
            if (endOfInput) {
                Outcome.written();
            }
            aggregates.flush();
            if (endOfInput) {
                Outcome.published(0);
            }
        }

        @Override
        public void close() {
            table.close();
            aggregates.close();
        }
    }
}
