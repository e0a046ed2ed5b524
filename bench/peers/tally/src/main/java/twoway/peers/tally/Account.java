package twoway.peers.tally;

import java.util.HashMap;
import java.util.Map;

/** All that is known of one account: its objects, its own page and its posts' pages. */
public final class Account {
    public final Members members;
    public final Page page;
    public final Map<String, Page> posts;

    public Account() {
        this(new Members(), new Page(), new HashMap<>());
    }

    public Account(Members members, Page page, Map<String, Page> posts) {
        this.members = members;
        this.page = page;
        this.posts = posts;
    }

    /** Nothing of it is shared with this one. */
    public Account copy() {
        Map<String, Page> copies = new HashMap<>(posts.size() * 2);
        posts.forEach((post, itsPage) -> copies.put(post, itsPage.copy()));
        return new Account(members.copy(), page.copy(), copies);
    }

    /** A post's page, made if it is new. */
    public Page post(String post) {
        Page found = posts.get(post);
        if (found == null) {
            found = new Page();
            posts.put(post, found);
        }
        return found;
    }

    /** Takes what an interaction says of an object of this post; whether it changed anything. */
    public boolean take(Page post, long id, long state) {
        long before = members.take(id, state);
        if (before == state) {
            return false;
        }
        post.touch();
        page.touch();
        int columnBefore = State.column(before);
        if (columnBefore >= 0) {
            post.count(State.timeMs(before), columnBefore, -1);
            page.count(State.timeMs(before), columnBefore, -1);
        }
        int column = State.column(state);
        if (column >= 0) {
            post.count(State.timeMs(state), column, 1);
            page.count(State.timeMs(state), column, 1);
        }
        return true;
    }
}
