package twoway.peers.flink;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import twoway.peers.tally.Account;
import twoway.peers.tally.Members;
import twoway.peers.tally.Page;
import twoway.peers.tally.State;

/** The state of an account: a copy clones arrays, a checkpoint writes ids and rows and nothing around them. */
public final class AccountSerializer extends TypeSerializerSingleton<Account> {
    private static final long serialVersionUID = 1;

    @Override
    public boolean isImmutableType() {
        return false;
    }

    @Override
    public Account createInstance() {
        return new Account();
    }

    @Override
    public Account copy(Account from) {
        return from.copy();
    }

    @Override
    public Account copy(Account from, Account reuse) {
        return from.copy();
    }

    @Override
    public void copy(DataInputView source, DataOutputView target) throws IOException {
        serialize(deserialize(source), target);
    }

    @Override
    public int getLength() {
        return -1;
    }

    @Override
    public void serialize(Account account, DataOutputView target) throws IOException {
        target.writeInt(account.members.size());
        account.members.forEach((id, state) -> {
            try {
                target.writeLong(id);
                target.writeLong(state);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        });
        write(account.page, target);
        target.writeInt(account.posts.size());
        for (Map.Entry<String, Page> post : account.posts.entrySet()) {
            target.writeUTF(post.getKey());
            write(post.getValue(), target);
        }
    }

    @Override
    public Account deserialize(DataInputView source) throws IOException {
        Members members = new Members();
        for (int left = source.readInt(); left > 0; left--) {
            members.take(source.readLong(), source.readLong());
        }
        Page page = read(source);
        Map<String, Page> posts = new HashMap<>();
        for (int left = source.readInt(); left > 0; left--) {
            posts.put(source.readUTF(), read(source));
        }
        return new Account(members, page, posts);
    }

    @Override
    public Account deserialize(Account reuse, DataInputView source) throws IOException {
        return deserialize(source);
    }

    @Override
    public TypeSerializerSnapshot<Account> snapshotConfiguration() {
        return new Snapshot();
    }

    private static void write(Page page, DataOutputView target) throws IOException {
        target.writeLong(page.lastMs());
        target.writeInt(page.size());
        page.rows((code, counts, at) -> {
            try {
                target.writeLong(code);
                for (int column = 0; column < State.COLUMNS; column++) {
                    target.writeInt(counts[at + column]);
                }
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        });
    }

    private static Page read(DataInputView source) throws IOException {
        Page page = new Page();
        page.setLastMs(source.readLong());
        int[] counts = new int[State.COLUMNS];
        for (int left = source.readInt(); left > 0; left--) {
            long code = source.readLong();
            for (int column = 0; column < State.COLUMNS; column++) {
                counts[column] = source.readInt();
            }
            page.set(code, counts);
        }
        return page;
    }

    /** Found by its name when a checkpoint is read. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<Account> {
        public Snapshot() {
            super(AccountSerializer::new);
        }
    }
}
