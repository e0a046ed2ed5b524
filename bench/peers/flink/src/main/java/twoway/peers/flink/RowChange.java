package twoway.peers.flink;

/** The arguments of an HSET and an HDEL, either may be null. It never leaves the chain of operators: a plain object. */
public final class RowChange {
    public byte[][] set;
    public byte[][] delete;

    public RowChange() {}

    RowChange(byte[][] set, byte[][] delete) {
        this.set = set;
        this.delete = delete;
    }
}
