package twoway.peers.flink;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.java.tuple.Tuple5;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import twoway.peers.tally.Interaction;
import twoway.peers.tally.Outcome;
import twoway.peers.tally.State;

/**
 * Local pre-aggregation before the shuffle, as Flink SQL's mini-batch does it: gathers the interactions of each account
 * and sends them on after so many, after so long, and before every checkpoint barrier, so that it needs no state.
 */
final class BundleOperator extends AbstractStreamOperator<Tuple5<String, String[], int[], long[], long[]>>
        implements OneInputStreamOperator<Interaction, Tuple5<String, String[], int[], long[], long[]>> {
    private static final long serialVersionUID = 1;
    private static final int MOST = Integer.getInteger("bundle.events", 20_000);
    private static final long WITHIN_MS = 200;

    private transient Map<String, Bundle> bundles;
    private transient int gathered;
    private transient int skipped;

    @Override
    public void open() throws Exception {
        super.open();
        bundles = new HashMap<>();
        getProcessingTimeService().scheduleWithFixedDelay(now -> send(), WITHIN_MS, WITHIN_MS);
    }

    @Override
    public void processElement(StreamRecord<Interaction> element) {
        Interaction interaction = element.getValue();
        if (interaction.state == State.NONE) {
            skipped++;
            return;
        }
        Bundle bundle = bundles.get(interaction.account);
        if (bundle == null) {
            bundle = new Bundle(interaction.account);
            bundles.put(interaction.account, bundle);
        }
        bundle.add(interaction.post, interaction.id, interaction.state);
        if (++gathered == MOST) {
            send();
        }
    }

    @Override
    public void prepareSnapshotPreBarrier(long checkpoint) {
        send();
    }

    @Override
    public void finish() throws Exception {
        send();
        super.finish();
    }

    private void send() {
        Outcome.counted(skipped);
        skipped = 0;
        gathered = 0;
        for (Bundle bundle : bundles.values()) {
            output.collect(new StreamRecord<>(bundle.toTuple()));
        }
        bundles.clear();
    }
}
