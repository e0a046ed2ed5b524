package twoway.peers.streams;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import twoway.peers.tally.Interaction;
import twoway.peers.tally.Outcome;
import twoway.peers.tally.State;

/** Counts every record into the store. At the end of its partition it asks for a commit, so that a run ends at once. */
final class CountProcessor implements Processor<byte[], byte[], Void, Void> {
    private final Map<Integer, Long> ends;
    private final Interaction interaction = new Interaction();
    private ProcessorContext<Void, Void> context;
    private AccountStore accounts;

    CountProcessor(Map<Integer, Long> ends) {
        this.ends = ends;
    }

    @Override
    public void init(ProcessorContext<Void, Void> itsContext) {
        context = itsContext;
        accounts = context.getStateStore(AccountStore.NAME);
        accounts.load();
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        Outcome.seen();
        try {
            interaction.read(record.value(), record.timestamp());
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        if (interaction.state != State.NONE) {
            accounts.take(interaction);
        }
        accounts.processed();
        RecordMetadata at = context.recordMetadata().orElseThrow();
        if (at.offset() + 1 == ends.getOrDefault(at.partition(), -1L)) {
            context.commit();
        }
    }
}
