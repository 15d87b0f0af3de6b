using Metering.Engine;
using Xunit;

namespace Metering.Conformance;

/// <summary>The promises of <see cref="IDueStore"/>.</summary>
public abstract partial class LedgerStoreConformance
{
    private static readonly DateTimeOffset Noon = new(2026, 5, 5, 12, 0, 0, TimeSpan.Zero);

    private IDueStore Dues => (IDueStore)Store;

    [Fact]
    public async Task Accounts_are_given_out_when_their_time_has_come_the_oldest_first()
    {
        await AppendAsync(new LedgerWriting("a").Next(), new LedgerWriting("b").Next(), new LedgerWriting("c").Next(), new LedgerWriting("d").Next());
        await Dues.NoteDueAsync([Note("a", 2), Note("b", 1), Note("c", 60), Note("d", 2)]);
        Assert.Empty(await ClaimAsync(0));
        Assert.Equal(["b", "a", "d"], await ClaimAsync(2));
        await Dues.NoteDueAsync([Note("a", 90), Note("b", 90), Note("d", 90)]);
        Assert.Empty(await ClaimAsync(59));
        Assert.Equal(["c"], await ClaimAsync(61));
    }

    [Fact]
    public async Task A_note_takes_the_place_of_the_one_before_and_a_limit_holds()
    {
        await AppendAsync(new LedgerWriting("a").Next(), new LedgerWriting("b").Next(), new LedgerWriting("c").Next());
        await Dues.NoteDueAsync([Note("a", 1), Note("b", 2), Note("c", 3)]);
        await Dues.NoteDueAsync([Note("a", 50)]);
        await Dues.NoteDueAsync([Note("c", 1)]);
        Assert.Equal(["c"], await ClaimAsync(10, limit: 1));
        await Dues.NoteDueAsync([Note("c", 99)]);
        Assert.Equal(["b"], await ClaimAsync(10, limit: 5));
    }

    [Fact]
    public async Task Accounts_with_a_note_are_listed_between_two_others()
    {
        await AppendAsync(new LedgerWriting("B").Next(), new LedgerWriting("a").Next(), new LedgerWriting("b").Next(), new LedgerWriting("c").Next());
        await Dues.NoteDueAsync([Note("b", 1), Note("B", 2), new(new("c"), DateTimeOffset.MaxValue.AddTicks(-9_999))]);
        Assert.Equal(["B", "b", "c"], await NotedAsync(null, "z"));
        Assert.Equal(["b"], await NotedAsync("B", "b"));
        Assert.Equal(["b", "c"], await NotedAsync("a", "c"));
        Assert.Empty(await NotedAsync("c", "d"));
    }

    private static DueNote Note(string account, int minutes) => new(new(account), Noon.AddMinutes(minutes));

    private async Task<IEnumerable<string>> ClaimAsync(int minutes, int limit = 100) =>
        (await Dues.ClaimDueAsync(Noon.AddMinutes(minutes), TimeSpan.FromSeconds(1), limit)).Select(account => account.Value);

    private async Task<IEnumerable<string>> NotedAsync(string? after, string through) =>
        (await Dues.ListNotedAsync(after is null ? null : new AccountId(after), new(through))).Select(account => account.Value);
}

/// <summary>Notes of what falls due, where the ledger outlives its process.</summary>
public abstract partial class DurableLedgerStoreConformance
{
    [Fact]
    public async Task Notes_are_there_when_the_store_was_closed_and_is_opened_again()
    {
        var (ledger, noon) = (new LedgerWriting("noted"), new DateTimeOffset(2026, 5, 5, 12, 0, 0, TimeSpan.Zero));
        await AppendAsync(ledger.Next());
        await ((IDueStore)Store).NoteDueAsync([new(ledger.Account, noon)]);
        await ReopenWithAsync(ReopenAsync);
        Assert.Equal([ledger.Account], await ((IDueStore)Store).ClaimDueAsync(noon, TimeSpan.Zero, 10));
        Assert.Equal([ledger.Account], await ((IDueStore)Store).ListNotedAsync(null, new("z")));
    }
}
