using Metering.Conformance;
using Metering.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Engine.Tests;

/// <summary>The engine as one of a cluster's: it holds what is placed on it, and lets go of what is not.</summary>
public sealed class PlacementTests : IAsyncDisposable
{
    private static readonly AccountId Account = new("placed");
    private static readonly DeductRequest One = new() { Amount = Credits.Of(1) };

    private readonly ManualTimeProvider clock = new(new(2026, 5, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly Shared ledger = new(new());

    [Fact]
    public async Task An_account_that_is_placed_elsewhere_is_not_loaded()
    {
        await using var engine = Engine(new Placement { IsPlaced = false });
        await Assert.ThrowsAsync<AccountElsewhereException>(async () => await engine.OpenAccountAsync(Account, new() { Plan = "starter" }));
        await Assert.ThrowsAsync<AccountElsewhereException>(async () => await engine.GetBalanceAsync(Account));
        Assert.Equal((0, 0), (engine.ActiveAccounts, (await ledger.ReadHeadAsync(Account)).Head.Sequence));
    }

    [Fact]
    public async Task Who_was_overtaken_tells_its_placement_and_decides_nothing_more()
    {
        var placement = new Placement();
        await using var engine = Engine(placement);
        await using var other = Engine(new Placement());
        Assert.True((await engine.OpenAccountAsync(Account, new() { Plan = "starter" })).IsSuccess);
        Assert.True((await other.DeductAsync(Account, One)).IsSuccess);
        var before = (await ledger.ReadHeadAsync(Account)).Head;
        await Assert.ThrowsAsync<AccountElsewhereException>(async () => await engine.DeductAsync(Account, One));
        Assert.Equal(before, (await ledger.ReadHeadAsync(Account)).Head);
        Assert.Equal((1, 0), (placement.Overtaken, engine.ActiveAccounts));

        placement.IsPlaced = true;
        Assert.Equal(Credits.Of(98), (await engine.DeductAsync(Account, One)).Value.Credits);
    }

    [Fact]
    public async Task A_stale_answer_is_not_given_by_who_was_overtaken()
    {
        var placement = new Placement();
        await using var engine = Engine(placement);
        await using var other = Engine(new Placement());
        Assert.True((await engine.OpenAccountAsync(Account, new() { Plan = "starter" })).IsSuccess);
        Assert.True((await other.DeductAsync(Account, One)).IsSuccess);
        clock.Advance(TimeSpan.FromSeconds(2));
        await Assert.ThrowsAsync<AccountElsewhereException>(async () => await engine.GetBalanceAsync(Account));
        Assert.Equal(1, placement.Overtaken);
    }

    [Fact]
    public async Task An_account_that_leaves_gives_its_placement_a_snapshot_of_a_durable_state()
    {
        var placement = new Placement();
        await using var engine = Engine(placement);
        Assert.True((await engine.OpenAccountAsync(Account, new() { Plan = "starter" })).IsSuccess);
        var calls = Enumerable.Range(0, 10).Select(_ => engine.DeductAsync(Account, One).AsTask()).ToArray();
        placement.IsPlaced = false;
        await engine.LeaveAsync(Account, withSnapshot: true);
        Assert.All(await Task.WhenAll(calls), call => Assert.True(call.IsSuccess));
        Assert.Equal((await ledger.ReadHeadAsync(Account)).Head, placement.Kept?.Head);
        Assert.Equal(0, engine.ActiveAccounts);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_snapshot_that_was_brought_along_counts_only_where_the_ledger_holds_its_head(bool isTrue)
    {
        var placement = new Placement();
        await using (var engine = Engine(placement))
        {
            Assert.True((await engine.OpenAccountAsync(Account, new() { Plan = "starter" })).IsSuccess);
            Assert.True((await engine.DeductAsync(Account, One)).IsSuccess);
            placement.IsPlaced = false;
            await engine.LeaveAsync(Account, withSnapshot: true);
        }

        var brought = isTrue ? placement.Kept! : placement.Kept! with { Head = placement.Kept!.Head with { Link = ChainLink.Genesis(new("another")) } };
        await using var next = Engine(new Placement { Brought = brought });
        ledger.ReadsFrom.Clear();
        Assert.Equal(Credits.Of(99), (await next.GetBalanceAsync(Account)).Value.Available);
        Assert.Equal(!isTrue, ledger.ReadsFrom.Contains(1));
    }

    public ValueTask DisposeAsync() => ledger.DisposeAsync();

    private EmbeddedCreditMeter Engine(IAccountPlacement placement) => new(ledger, new(), clock, NullLogger<EmbeddedCreditMeter>.Instance, placement);

    private sealed class Placement : IAccountPlacement
    {
        public bool IsPlaced { get; set; } = true;

        public LedgerSnapshot? Brought { get; init; }

        public LedgerSnapshot? Kept { get; private set; }

        public int Overtaken { get; private set; }

        public bool IsHere(AccountId account) => IsPlaced;

        public LedgerSnapshot? SnapshotOf(AccountId account) => Brought;

        public void OnOvertaken(AccountId account) => (Overtaken, IsPlaced) = (Overtaken + 1, false);

        public bool TryKeep(AccountId account, LedgerSnapshot snapshot)
        {
            Kept = snapshot;
            return true;
        }
    }

    private sealed class Shared(MemoryLedgerStore store) : DelegatingLedgerStore(store)
    {
        public List<long> ReadsFrom { get; } = [];

        public override bool IsShared => true;

        public override ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default)
        {
            lock (ReadsFrom)
            {
                ReadsFrom.Add(fromSequence);
            }

            return base.ReadAsync(account, fromSequence, limit, cancellationToken);
        }
    }
}
