using Metering.Conformance;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Engine.Tests;

/// <summary>Two meters on one ledger, as two processes on one database: what one has in memory grows stale when the other appends.</summary>
public sealed class FreshnessTests : IAsyncDisposable
{
    // Of every call without a key.
    private const ulong Tag = 5;

    private static readonly DateTimeOffset Start = new(2026, 5, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan JustStale = TimeSpan.FromSeconds(1) + TimeSpan.FromMilliseconds(1);
    private static readonly AccountId Account = new("acct");
    private readonly SharedStore store = new();
    private readonly ManualTimeProvider clock = new(Start);
    private readonly EmbeddedCreditMeter first;
    private readonly EmbeddedCreditMeter second;

    public FreshnessTests() => (first, second) = (NewMeter(), NewMeter());

    public async ValueTask DisposeAsync()
    {
        await first.DisposeAsync();
        await second.DisposeAsync();
        await store.DisposeAsync();
    }

    [Fact]
    public async Task A_balance_is_at_most_a_second_stale()
    {
        await BothKnowAsync(100);
        await SpendAsync(first, 40);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(Credits.Of(100), await BalanceAsync(second));
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(Credits.Of(60), await BalanceAsync(second));
    }

    [Fact]
    public async Task A_refusal_from_a_stale_state_is_checked_first()
    {
        await BothKnowAsync(100);
        await SpendAsync(first, 100);
        clock.Advance(JustStale);
        Assert.Equal(RefusalReason.InsufficientCredits, (await second.DeductAsync(Account, Of(1))).Refusal?.Reason);
        await first.GrantAsync(Account, new() { Amount = Credits.Of(50), Source = GrantSource.Purchase });
        clock.Advance(JustStale);
        Assert.Equal(Credits.Of(49), (await second.DeductAsync(Account, Of(1))).Value.Credits);
    }

    [Fact]
    public async Task A_free_access_from_a_stale_state_is_checked_first()
    {
        await BothKnowAsync(100);
        var charge = (await first.AccessRecordsAsync(Account, Company)).Value;
        Assert.Equal(Credits.Zero, (await second.AccessRecordsAsync(Account, Company)).Value.Charged);
        Assert.True((await first.RefundAsync(Account, new() { TransactionId = charge.TransactionId!.Value })).IsSuccess);
        clock.Advance(JustStale);

        // The refund ended the record's subscription: who still answers from before it gives the record away.
        Assert.Equal(Credits.Of(1), (await second.AccessRecordsAsync(Account, Company)).Value.Charged);
    }

    [Fact]
    public async Task A_commit_of_ones_own_and_a_look_at_the_head_each_count_for_a_second()
    {
        await BothKnowAsync(100);
        clock.Advance(JustStale);
        await SpendAsync(second, 1);
        var looks = store.HeadReads;
        await BalanceAsync(second);
        Assert.Equal(looks, store.HeadReads);
        clock.Advance(JustStale);
        await BalanceAsync(second);
        await BalanceAsync(second);
        Assert.Equal(looks + 1, store.HeadReads);
    }

    [Fact]
    public async Task A_ledger_that_cannot_be_asked_makes_no_answer_from_a_stale_state()
    {
        await BothKnowAsync(100);
        clock.Advance(JustStale);
        store.IsDown = true;
        Assert.Equal(RefusalReason.LedgerUnavailable, (await second.GetBalanceAsync(Account)).Refusal?.Reason);
        Assert.Equal(RefusalReason.LedgerUnavailable, (await second.DeductAsync(Account, Of(1_000))).Refusal?.Reason);
        store.IsDown = false;
        Assert.Equal(Credits.Of(100), await BalanceAsync(second));
    }

    [Fact]
    public async Task A_ledger_that_takes_longer_than_a_second_is_asked_once()
    {
        await BothKnowAsync(100);
        clock.Advance(JustStale);
        var looks = store.HeadReads;
        store.DuringHeadRead = () =>
        {
            Assert.InRange(store.HeadReads, 0, looks + 100);
            clock.Advance(TimeSpan.FromSeconds(3));
        };
        Assert.Equal(Credits.Of(100), await BalanceAsync(second));
        Assert.Equal(looks + 1, store.HeadReads);
        Assert.Equal(RefusalReason.InsufficientCredits, (await second.DeductAsync(Account, Of(1_000))).Refusal?.Reason);
        Assert.Equal(looks + 2, store.HeadReads);
    }

    [Fact]
    public async Task A_ledger_of_one_process_is_never_asked()
    {
        store.Shared = false;
        await BothKnowAsync(100);
        var looks = store.HeadReads;
        clock.Advance(TimeSpan.FromHours(1));
        await BalanceAsync(first);
        await first.DeductAsync(Account, Of(1_000));
        Assert.Equal(looks, store.HeadReads);
    }

    [Fact]
    public async Task A_commit_of_ones_own_that_nobody_has_told_of_yet_is_not_taken_for_another_processs()
    {
        var placement = new Placement();
        await using var meter = NewMeter(placement);
        await OpenAsync(meter);
        clock.Advance(JustStale);
        var (landed, told) = (new TaskCompletionSource(), new TaskCompletionSource());
        store.AfterAppend = () =>
        {
            store.AfterAppend = null;
            landed.SetResult();
            return told.Task;
        };
        var spending = SpendAsync(meter, 40);
        await landed.Task;
        var (looks, loads) = (store.HeadReads, store.Loads);
        var reading = BalanceAsync(meter);
        Assert.Equal(looks + 1, store.HeadReads);
        told.SetResult();
        await spending;
        Assert.Equal(Credits.Of(60), await reading);
        Assert.Equal((0, loads), (placement.Overtaken, store.Loads));
    }

    [Fact]
    public async Task Who_is_overtaken_with_a_commit_under_way_says_so_once()
    {
        var placement = new Placement();
        await using var meter = NewMeter(placement);
        await OpenAsync(meter);
        await SpendAsync(second, 10);
        clock.Advance(JustStale);
        var (sent, goOn) = (new TaskCompletionSource(), new TaskCompletionSource());
        store.BeforeAppend = () =>
        {
            store.BeforeAppend = null;
            sent.SetResult();
            return goOn.Task;
        };
        var spending = SpendAsync(meter, 40);
        await sent.Task;
        var reading = BalanceAsync(meter);
        goOn.SetResult();
        await spending;
        Assert.Contains(await reading, new[] { Credits.Of(50), Credits.Of(90) });
        Assert.Equal(Credits.Of(50), await BalanceAsync(meter));
        Assert.Equal(1, placement.Overtaken);
    }

    [Fact]
    public async Task Not_charged_is_said_once_nothing_that_was_sent_can_land_any_more()
    {
        await BothKnowAsync(100);
        var charge = (await first.DeductAsync(Account, Of(1))).Value.TransactionId;
        var (taken, open) = (charge with { Tag = charge.Tag + 1 }, new TransactionId(charge.Number + 1, 7));
        Assert.Equal(TransactionState.Charged, await StateAsync(charge));
        Assert.Equal(TransactionState.NotCharged, await StateAsync(taken));
        Assert.Equal(0, store.Settlings);
        Assert.Equal(TransactionState.NotCharged, await StateAsync(open));
        Assert.Equal(1, store.Settlings);

        // Asking again and again costs the processes that share the ledger no more than once a second.
        Assert.Equal(TransactionState.Unknown, await StateAsync(open));
        Assert.Equal(1, store.Settlings);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(TransactionState.NotCharged, await StateAsync(open));
    }

    [Fact]
    public async Task What_lands_while_it_is_waited_for_is_charged_and_what_cannot_be_known_is_unknown()
    {
        await BothKnowAsync(100);
        var number = (await first.DeductAsync(Account, Of(1))).Value.TransactionId.Number;
        store.Settling = async () => await SpendAsync(first, 1);
        Assert.Equal(TransactionState.Charged, await StateAsync(new(number + 1, Tag)));
        clock.Advance(JustStale);
        store.Settling = () => throw new LedgerUnavailableException("it is still under way");
        Assert.Equal(TransactionState.Unknown, await StateAsync(new(number + 2, Tag)));
    }

    private static RecordAccessRequest Company { get; } = new() { Records = [new RecordRequest("company", "1")] };

    private static DeductRequest Of(int amount) => new() { Amount = Credits.Of(amount) };

    private async Task<TransactionState> StateAsync(TransactionId id) => (await second.GetTransactionAsync(Account, id)).Value.State;

    private static async Task<Credits> BalanceAsync(EmbeddedCreditMeter meter) => (await meter.GetBalanceAsync(Account)).Value.Available;

    private static async Task SpendAsync(EmbeddedCreditMeter meter, int amount) => Assert.True((await meter.DeductAsync(Account, Of(amount))).IsSuccess);

    private async Task BothKnowAsync(int credits)
    {
        await OpenAsync(first);
        Assert.Equal(Credits.Of(credits), await BalanceAsync(second));
    }

    private static async Task OpenAsync(EmbeddedCreditMeter meter) => Assert.True((await meter.OpenAccountAsync(Account, new() { Plan = "starter" })).IsSuccess);

    private EmbeddedCreditMeter NewMeter(IAccountPlacement? placement = null) =>
        new(store, new() { Catalogue = CreditMeterConformance.TestCatalogue, NextTag = () => Tag }, clock, NullLogger<EmbeddedCreditMeter>.Instance, placement);

    /// <summary>Everything is placed here, and stays.</summary>
    private sealed class Placement : IAccountPlacement
    {
        public int Overtaken { get; private set; }

        public bool IsHere(AccountId account) => true;

        public LedgerSnapshot? SnapshotOf(AccountId account) => null;

        public void OnOvertaken(AccountId account) => Overtaken++;

        public bool TryKeep(AccountId account, LedgerSnapshot snapshot) => false;
    }

    private sealed class SharedStore() : DelegatingLedgerStore(new MemoryLedgerStore())
    {
        public bool Shared { get; set; } = true;

        public bool IsDown { get; set; }

        public int HeadReads { get; private set; }

        public Action? DuringHeadRead { get; set; }

        /// <summary>Times that an account was brought into memory.</summary>
        public int Loads { get; private set; }

        public Func<Task>? BeforeAppend { get; set; }

        /// <summary>Runs once the rows are in the ledger and before anybody is told.</summary>
        public Func<Task>? AfterAppend { get; set; }

        public override bool IsShared => Shared;

        public int Settlings { get; private set; }

        public Func<Task> Settling { get; set; } = () => Task.CompletedTask;

        public override async ValueTask SettleAsync(CancellationToken cancellationToken = default)
        {
            Settlings++;
            await Settling();
        }

        public override async ValueTask AppendAsync(IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken = default)
        {
            await (BeforeAppend?.Invoke() ?? Task.CompletedTask);
            await base.AppendAsync(groups, cancellationToken);
            await (AfterAppend?.Invoke() ?? Task.CompletedTask);
        }

        public override ValueTask<IReadOnlyList<LedgerSnapshot>> ReadSnapshotsAsync(AccountId account, CancellationToken cancellationToken = default)
        {
            Loads++;
            return base.ReadSnapshotsAsync(account, cancellationToken);
        }

        public override ValueTask<(LedgerHead Head, long Transactions)> ReadHeadAsync(AccountId account, CancellationToken cancellationToken = default)
        {
            HeadReads++;
            DuringHeadRead?.Invoke();
            return IsDown ? throw new LedgerUnavailableException("the database does not answer") : base.ReadHeadAsync(account, cancellationToken);
        }
    }
}
