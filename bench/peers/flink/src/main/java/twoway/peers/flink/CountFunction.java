package twoway.peers.flink;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.java.tuple.Tuple5;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import twoway.peers.tally.Account;
import twoway.peers.tally.Outcome;
import twoway.peers.tally.Page;
import twoway.peers.tally.Rows;

/** Counts an account's bundle into its state and gives the rows that changed, as they now are. */
final class CountFunction
        extends KeyedProcessFunction<String, Tuple5<String, String[], int[], long[], long[]>, RowChange> {
    private static final long serialVersionUID = 1;

    private transient ValueState<Account> accounts;
    private transient Rows rows;

    @Override
    public void open(OpenContext context) {
        accounts = getRuntimeContext().getState(new ValueStateDescriptor<>("account", new AccountSerializer()));
        rows = new Rows();
    }

    @Override
    public void processElement(
            Tuple5<String, String[], int[], long[], long[]> bundle, Context context, Collector<RowChange> out)
            throws Exception {
        Account found = accounts.value();
        Account account = found == null ? new Account() : found;
        String[] names = bundle.f1;
        Page[] pages = new Page[names.length];
        for (int i = 0; i < names.length; i++) {
            pages[i] = account.post(names[i]);
        }
        for (int i = 0; i < bundle.f2.length; i++) {
            account.take(pages[bundle.f2[i]], bundle.f3[i], bundle.f4[i]);
        }
        accounts.update(account);
        for (int i = 0; i < names.length; i++) {
            give(true, bundle.f0, names[i], pages[i], out);
        }
        give(false, bundle.f0, bundle.f0, account.page, out);
        Outcome.counted(bundle.f2.length);
    }

    private void give(boolean isPost, String account, String id, Page page, Collector<RowChange> out) {
        rows.take(isPost ? Rows.POST : Rows.ACCOUNT, id, page);
        out.collect(new RowChange(rows, isPost, account, id, page.lastMs()));
    }
}
