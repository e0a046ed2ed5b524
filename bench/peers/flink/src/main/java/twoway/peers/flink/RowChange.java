package twoway.peers.flink;

import twoway.peers.tally.Aggregates;
import twoway.peers.tally.Rows;

/**
 * The arguments of an HSET and an HDEL, either may be null, and the same rows as numbers for the aggregate topics. It
 * never leaves the chain of operators: a plain object.
 */
public final class RowChange {
    public byte[][] set;
    public byte[][] delete;
    public boolean isPost;
    public String account;
    public String id;
    public long lastMs;
    public long[] codes;
    public int[] counts;

    public RowChange() {}

    /** What these rows took of a page last. */
    RowChange(Rows rows, boolean isPost, String account, String id, long lastMs) {
        set = rows.toSet();
        delete = rows.toDelete();
        this.isPost = isPost;
        this.account = account;
        this.id = id;
        this.lastMs = lastMs;
        codes = rows.codes();
        counts = rows.counts();
    }

    Aggregates.Changed changed() {
        return new Aggregates.Changed(isPost, account, id, lastMs, codes, counts);
    }
}
