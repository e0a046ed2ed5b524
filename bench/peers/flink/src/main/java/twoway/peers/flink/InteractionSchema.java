package twoway.peers.flink;

import java.io.IOException;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import twoway.peers.tally.Interaction;
import twoway.peers.tally.Outcome;

/** Reads every record into the same object: what follows in the chain takes from it what it keeps. */
final class InteractionSchema implements KafkaRecordDeserializationSchema<Interaction> {
    private static final long serialVersionUID = 1;

    private transient Interaction interaction;

    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Interaction> out) throws IOException {
        Outcome.seen();
        if (interaction == null) {
            interaction = new Interaction();
        }
        interaction.read(record.value(), record.timestamp());
        out.collect(interaction);
    }

    @Override
    public TypeInformation<Interaction> getProducedType() {
        return TypeInformation.of(Interaction.class);
    }
}
