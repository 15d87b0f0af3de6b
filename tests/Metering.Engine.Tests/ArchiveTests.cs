using Metering.Conformance;
using Metering.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Engine.Tests;

/// <summary>Old entries move into an archive: what callers see of it, what survives, and what happens where it is broken off or damaged.</summary>
public abstract class ArchiveTests : IAsyncDisposable, IAsyncLifetime
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly AccountId Account = new("acct");
    private static readonly AccountId Other = new("other");

    private readonly ManualTimeProvider clock = new(Start);
    private ILedgerStore archive = null!;
    private ScriptedCuts ledger = null!;
    private EmbeddedCreditMeter meter = null!;

    /// <summary>Opens an empty store; each name is a place of its own.</summary>
    protected abstract ILedgerStore Open(string name);

    public async Task InitializeAsync()
    {
        (ledger, archive) = (new(Open("ledger")), Open("archive"));
        meter = NewMeter();
        await meter.OpenAccountAsync(Account, new() { Plan = "starter" });
        await meter.OpenAccountAsync(Other, new() { Plan = "starter" });
    }

    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    public virtual async ValueTask DisposeAsync()
    {
        await meter.DisposeAsync();
        await ledger.DisposeAsync();
        await archive.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_subscription_whose_entry_is_archived_lasts_and_is_not_listed_and_a_debt_is_still_owed()
    {
        await meter.AccessRecordsAsync(Account, new() { Records = [new("company", "a")] });
        await meter.SetCreditLimitAsync(Account, new() { Limit = Credits.Of(30) });
        await meter.ChangePlanAsync(Account, new() { Plan = "empty" });
        await DeductAsync(109);
        clock.Advance(TimeSpan.FromDays(5));
        await meter.RecordVisitsAsync(Account, new() { Records = [new("company", "b")] });
        var before = (await meter.GetBalanceAsync(Account)).Value;
        Assert.Equal(Credits.Of(10), before.Owed);
        await ArchiveAsync(clock.GetUtcNow().AddDays(-3));
        await RestartAsync();

        Assert.Equal(before with { Sequence = before.Sequence + 1 }, (await meter.GetBalanceAsync(Account)).Value);
        Assert.Equal(["b"], (await meter.ListRecordsAsync(Account, new())).Value.Items.Select(item => item.Id));
        var access = (await meter.AccessRecordsAsync(Account, new() { Records = [new("company", "a"), new("company", "b")] })).Value;
        Assert.Equal(Credits.Zero, access.Charged);
        await AssertWholeAsync();
    }

    [Fact]
    public async Task What_is_older_moves_and_everything_that_lasts_for_ever_stays()
    {
        var first = await SpendOverDaysAsync(10);
        await GrantAsync("event 1");
        await meter.AccessRecordsAsync(Account, new() { Records = [new("company", "a")] });
        var refundable = (await DeductAsync(2)).TransactionId;
        await meter.RefundAsync(Account, new() { TransactionId = refundable, Amount = Credits.Of(1) });
        clock.Advance(TimeSpan.FromDays(5));
        var kept = (await DeductAsync(3)).TransactionId;
        var before = (await meter.GetBalanceAsync(Account)).Value;
        var total = await TotalAsync();

        var report = await ArchiveAsync(clock.GetUtcNow().AddDays(-3));
        Assert.Equal((2, 1), (report.Accounts, report.AccountsArchived));
        Assert.Equal((await ledger.ReadBaseAsync(Account))!.Head.Sequence, report.Entries);
        Assert.Null(await ledger.ReadBaseAsync(Other));
        await RestartAsync();

        Assert.Equal(before with { Sequence = before.Sequence + 1 }, (await meter.GetBalanceAsync(Account)).Value);
        Assert.Equal(total, await TotalAsync());
        Assert.Equal([kept], (await ListAsync()).Select(transaction => transaction.Id));
        Assert.Equal(RefusalReason.ReferenceUsed, (await meter.GrantAsync(Account, Grant("event 1"))).Refusal?.Reason);
        Assert.Equal(Credits.Zero, (await meter.AccessRecordsAsync(Account, new() { Records = [new("company", "a")] })).Value.Charged);
        Assert.Equal(RefusalReason.TransactionArchived, (await meter.RefundAsync(Account, new() { TransactionId = refundable })).Refusal?.Reason);
        Assert.Equal(TransactionState.Archived, await StateAsync(first));
        Assert.Equal(TransactionState.Charged, await StateAsync(kept));
        Assert.Equal(TransactionState.NotCharged, await StateAsync(new(kept.Number, kept.Tag + 1)));
        Assert.Equal(TransactionState.NotCharged, await StateAsync(new(total + 1, 7)));
        Assert.True((await meter.RefundAsync(Account, new() { TransactionId = kept })).IsSuccess);
        await AssertWholeAsync();
    }

    [Fact]
    public async Task What_an_archived_purchase_granted_is_taken_back_from_permanent_credits()
    {
        var bought = (await meter.GrantAsync(Account, Grant("event 1"))).Value.TransactionId;
        await meter.GrantAsync(Account, new() { Source = GrantSource.Bonus, Amount = Credits.Of(20) });
        clock.Advance(TimeSpan.FromDays(5));
        await DeductAsync(1);
        await ArchiveAsync(clock.GetUtcNow().AddDays(-3));
        await RestartAsync();
        Assert.Equal(TransactionState.Archived, await StateAsync(bought));
        var before = (await meter.GetBalanceAsync(Account)).Value;
        Assert.True((await meter.TakeBackAsync(Account, new() { Amount = Credits.Of(50), ExternalReference = "re_1", Reason = "Refunded.", GrantedBy = bought })).IsSuccess);
        var after = (await meter.GetBalanceAsync(Account)).Value;
        Assert.Equal((before.Bonus, before.Monthly, before.Permanent - Credits.Of(50)), (after.Bonus, after.Monthly, after.Permanent));
        await AssertWholeAsync();
    }

    [Fact]
    public async Task An_account_whose_every_entry_is_old_keeps_its_balance_and_goes_on()
    {
        await SpendOverDaysAsync(5);
        clock.Advance(TimeSpan.FromDays(3));
        var balance = (await meter.GetBalanceAsync(Account)).Value.Available;
        await DeductAsync(1);
        clock.Advance(TimeSpan.FromDays(400));
        await ArchiveAsync(clock.GetUtcNow());
        await RestartAsync();
        Assert.True((await DeductAsync(1)).Credits > Credits.Zero);
        await ArchiveAsync(clock.GetUtcNow());
        await RestartAsync();
        Assert.True((await meter.GetBalanceAsync(Account)).Value.Available > Credits.Zero);
        Assert.True(balance > Credits.Zero);
        await AssertWholeAsync();
    }

    [Fact]
    public async Task The_last_two_days_of_every_account_stay_so_that_no_retry_finds_its_answer_archived()
    {
        await SpendOverDaysAsync(6);
        var keyed = await meter.DeductAsync(Account, new() { Amount = Credits.Of(1), IdempotencyKey = "key" });
        await ArchiveAsync(clock.GetUtcNow().AddDays(100));
        var tail = await ledger.ReadAsync(Account, 1, 1_000);
        Assert.All(tail, row => Assert.True(Views.ToEntry(row).AppliedAt >= clock.GetUtcNow().AddHours(-48)));
        Assert.True((await ledger.ReadBaseAsync(Account))!.Head.Sequence > 0);
        await RestartAsync();
        var again = await meter.DeductAsync(Account, new() { Amount = Credits.Of(1), IdempotencyKey = "key" });
        Assert.True(again.IsReplay);
        Assert.Equal(keyed.Value.TransactionId, again.Value.TransactionId);
        Assert.Throws<ArgumentOutOfRangeException>(() => new ArchiveOptions { Before = Start, KeptTail = TimeSpan.FromHours(23) }.Validate());
    }

    [Fact]
    public async Task A_key_that_memory_holds_longer_than_its_answer_is_told_from_a_new_one()
    {
        await meter.DeductAsync(Account, new() { Amount = Credits.Of(1), IdempotencyKey = "old" });
        clock.Advance(TimeSpan.FromHours(30));
        await DeductAsync(1);
        clock.Advance(TimeSpan.FromHours(30));
        await DeductAsync(1);
        await ArchiveAsync(clock.GetUtcNow());
        var reused = await meter.DeductAsync(Account, new() { Amount = Credits.Of(1), IdempotencyKey = "old" });
        Assert.Equal(RefusalReason.IdempotencyKeyReused, reused.Refusal?.Reason);
        Assert.Contains("archived", reused.Refusal!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Few_old_entries_stay_where_they_are()
    {
        await SpendOverDaysAsync(5);
        clock.Advance(TimeSpan.FromDays(5));
        await DeductAsync(1);
        var report = await ArchiveAsync(clock.GetUtcNow(), minEntries: 9);
        Assert.Equal(new ArchiveReport(2, 0, 0, 0), report);
        Assert.Empty(await archive.ListAccountsAsync(null, 10));
        Assert.Equal(1, (await ArchiveAsync(clock.GetUtcNow(), minEntries: 5)).AccountsArchived);
    }

    [Fact]
    public async Task A_list_ends_at_the_archive_and_its_total_counts_everything()
    {
        await SpendOverDaysAsync(30);
        await ArchiveAsync(clock.GetUtcNow().AddDays(-7));
        var (cursor, listed, total) = ((long?)null, 0, await TotalAsync());
        do
        {
            var page = (await meter.ListTransactionsAsync(Account, new() { Limit = 3, Before = cursor })).Value;
            Assert.Equal(total, page.Total);
            listed += page.Items.Count;
            cursor = page.NextBefore;
        }
        while (cursor is not null);
        Assert.Equal(total - (await ledger.ReadBaseAsync(Account))!.Transactions, listed);
        Assert.True(listed is > 3 and < 30);
        Assert.Empty((await meter.ListTransactionsAsync(Account, new() { Offset = listed })).Value.Items);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Broken_off_before_the_cut_it_finishes_when_it_runs_again(bool isDone)
    {
        await SpendOverDaysAsync(20);
        var before = clock.GetUtcNow().AddDays(-4);
        ledger.BeforeCut = isDone ? null : () => throw new LedgerUnavailableException("broken off");
        ledger.AfterCut = isDone ? () => throw new LedgerOutcomeUnknownException("broken off") : null;
        await Assert.ThrowsAnyAsync<Exception>(() => ArchiveAsync(before));
        (ledger.BeforeCut, ledger.AfterCut) = (null, null);
        await AssertWholeAsync();
        var copied = (await archive.ReadHeadAsync(Account)).Head;

        // More entries and a later day, as it would be.
        await SpendOverDaysAsync(5);
        await RestartAsync();
        await ArchiveAsync(before.AddDays(3));
        await RestartAsync();
        await AssertWholeAsync();
        Assert.True((await archive.ReadHeadAsync(Account)).Head.Sequence > copied.Sequence);
    }

    [Fact]
    public async Task Broken_off_and_run_again_with_an_earlier_day_it_cuts_what_both_hold()
    {
        await SpendOverDaysAsync(20);
        ledger.BeforeCut = () => throw new LedgerUnavailableException("broken off");
        await Assert.ThrowsAsync<LedgerUnavailableException>(() => ArchiveAsync(clock.GetUtcNow().AddDays(-4)));
        ledger.BeforeCut = null;
        await ArchiveAsync(clock.GetUtcNow().AddDays(-9));
        Assert.True((await ledger.ReadBaseAsync(Account))!.Head.Sequence < (await archive.ReadHeadAsync(Account)).Head.Sequence);
        await AssertWholeAsync();
    }

    [Fact]
    public async Task A_new_archive_goes_on_where_the_last_one_ended_and_one_with_a_gap_is_refused()
    {
        await SpendOverDaysAsync(10);
        await ArchiveAsync(clock.GetUtcNow().AddDays(-4));
        var firstEnd = (await ledger.ReadBaseAsync(Account))!.Head;
        await SpendOverDaysAsync(10);
        await using var second = Open("second");
        await ArchiveAsync(clock.GetUtcNow().AddDays(-4), to: second);
        Assert.Equal(firstEnd, (await second.ReadBaseAsync(Account))!.Head);
        Assert.Null((await LedgerVerifier.VerifyArchiveAsync(second, ledger)).Fault);
        Assert.Null((await LedgerVerifier.VerifyAsync(ledger)).Fault);

        await SpendOverDaysAsync(10);
        var gap = await Assert.ThrowsAsync<ArchiveException>(() => ArchiveAsync(clock.GetUtcNow().AddDays(-4)));
        Assert.Contains("another archive", gap.Message, StringComparison.Ordinal);
        Assert.Contains("ends at entry", (await LedgerVerifier.VerifyArchiveAsync(archive, ledger)).Fault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_archive_of_another_ledger_is_refused_and_nothing_is_cut()
    {
        var stranger = new LedgerWriting(Account.Value, 3);
        await archive.AppendAsync([stranger.Next(4)]);
        await SpendOverDaysAsync(10);
        await Assert.ThrowsAsync<ArchiveException>(() => ArchiveAsync(clock.GetUtcNow().AddDays(-4)));
        Assert.Null(await ledger.ReadBaseAsync(Account));
        Assert.Null((await LedgerVerifier.VerifyAsync(ledger)).Fault);
    }

    [Fact]
    public async Task A_longer_archive_of_another_ledger_is_refused_too()
    {
        var stranger = new LedgerWriting(Account.Value, 3);
        await archive.AppendAsync([stranger.Next(100)]);
        await SpendOverDaysAsync(10);
        var refused = await Assert.ThrowsAsync<ArchiveException>(() => ArchiveAsync(clock.GetUtcNow().AddDays(-4)));
        Assert.Contains("is not in the archive", refused.Message, StringComparison.Ordinal);
        Assert.Null(await ledger.ReadBaseAsync(Account));
    }

    [Fact]
    public async Task A_state_that_no_checkpoint_vouches_for_is_not_loaded_and_the_verifier_names_it()
    {
        await SpendOverDaysAsync(10);
        await ArchiveAsync(clock.GetUtcNow().AddDays(-4));
        Assert.Null((await LedgerVerifier.VerifyAsync(ledger)).Fault);

        // Another state with a good checksum and the same balance: the same account with a record that nobody paid for.
        var state = LedgerBases.StateOf(Account, (await ledger.ReadBaseAsync(Account))!);
        state.Records.Set(RecordKey.Of("company", "free"), RecordDay.LastDayFrom(clock.GetUtcNow()), RecordDay.Of(clock.GetUtcNow()));
        var forged = new ByteWriter();
        SnapshotCodec.Encode(state, forged);
        ledger.OnBase = stored => stored with { State = forged.Written };
        await AssertNotLoadedAsync("vouches for another state");

        ledger.OnBase = stored => stored with { State = stored.State[..^1] };
        await AssertNotLoadedAsync("checksum");
        ledger.OnBase = stored => stored with { FormatVersion = 99 };
        await AssertNotLoadedAsync("version 99");
        ledger.OnBase = _ => null;
        await AssertNotLoadedAsync("entry");
    }

    [Fact]
    public async Task A_ledger_cut_without_a_checkpoint_is_not_loaded()
    {
        await SpendOverDaysAsync(10);
        await meter.DrainAsync();
        var rows = await ledger.ReadAsync(Account, 1, 5);
        var replay = new LedgerReplay(Account, null, []);
        Assert.Null(replay.AddAll(rows));
        var state = new ByteWriter();
        SnapshotCodec.Encode(replay.State, state);
        var cut = new LedgerCut { Account = Account, Base = new(replay.Head, replay.State.TransactionNumber, SnapshotCodec.Version, state.Written) };
        await ledger.CutAsync([cut]);
        Assert.True(cut.IsDone);
        ledger.OnBase = stored => stored;
        await AssertNotLoadedAsync("no checkpoint vouches");
    }

    [Fact]
    public async Task A_damaged_entry_stops_the_archiving_before_its_account_is_cut()
    {
        await SpendOverDaysAsync(10);
        ledger.OnRow = row => row.Sequence == 4 ? row with { Facts = row.Facts[..^1].ToArray() } : row;
        var damage = await Assert.ThrowsAsync<ArchiveException>(() => ArchiveAsync(clock.GetUtcNow().AddDays(-4)));
        Assert.Contains("Entry 4 of account acct", damage.Message, StringComparison.Ordinal);
        Assert.Null(await ledger.ReadBaseAsync(Account));
    }

    [Fact]
    public async Task What_the_archive_lost_on_the_way_is_not_cut()
    {
        await SpendOverDaysAsync(10);
        var losing = new ScriptedCuts(archive) { OnRow = row => row.Sequence == 4 ? row with { Texts = new byte[] { 1, 120 } } : row };
        await Assert.ThrowsAsync<ArchiveException>(() => ArchiveAsync(clock.GetUtcNow().AddDays(-4), to: losing));
        Assert.Null(await ledger.ReadBaseAsync(Account));
        await ArchiveAsync(clock.GetUtcNow().AddDays(-4));
        await AssertWholeAsync();
    }

    [Fact]
    public async Task An_account_that_is_cut_while_it_loads_or_is_verified_begins_anew()
    {
        await SpendOverDaysAsync(10);
        var archiving = NewMeter();
        await meter.DisposeAsync();
        meter = NewMeter();
        ledger.AfterBase = async () =>
        {
            ledger.AfterBase = null;
            await new LedgerArchiver(ledger, archive, archiving, Options(clock.GetUtcNow().AddDays(-4))).ArchiveAsync();
        };
        var balance = (await meter.GetBalanceAsync(Account)).Value;
        Assert.NotNull(await ledger.ReadBaseAsync(Account));
        Assert.Equal((await ledger.ReadHeadAsync(Account)).Head.Sequence, balance.Sequence);

        await SpendOverDaysAsync(5);
        await archiving.RefreshAsync(Account);
        ledger.AfterBase = async () =>
        {
            ledger.AfterBase = null;
            await new LedgerArchiver(ledger, archive, archiving, Options(clock.GetUtcNow().AddDays(-4))).ArchiveAsync();
        };
        Assert.Null((await LedgerVerifier.VerifyAsync(ledger)).Fault);
        await archiving.DisposeAsync();
    }

    [Fact]
    public async Task Many_accounts_are_cut_together_and_a_long_one_goes_in_pieces()
    {
        var accounts = Enumerable.Range(0, 20).Select(number => new AccountId($"many-{number:00}")).ToArray();
        foreach (var account in accounts)
        {
            await meter.OpenAccountAsync(account, new() { Plan = "scale" });
            await meter.DeductBatchAsync(account, new() { Items = [.. Enumerable.Repeat(new DeductRequest { Amount = Credits.Of(1), Description = "old" }, account == accounts[3] ? 900 : 3)] });
        }

        clock.Advance(TimeSpan.FromDays(10));
        foreach (var account in accounts)
        {
            await meter.DeductAsync(account, new() { Amount = Credits.Of(1) });
        }

        var seen = new List<ArchiveReport>();
        var archiver = new LedgerArchiver(
            ledger, archive, meter, new() { Before = clock.GetUtcNow(), MinEntries = 2, BatchEntries = 50, BatchAccounts = 7 });
        var report = await archiver.ArchiveAsync(new Progress(seen.Add));
        Assert.Equal((22, 20), (report.Accounts, report.AccountsArchived));
        Assert.Equal(report, seen[^1]);
        Assert.True(seen.Count > 20);
        await RestartAsync();
        Assert.Null((await LedgerVerifier.VerifyAsync(ledger)).Fault);
        Assert.Equal(report.Entries, (await LedgerVerifier.VerifyArchiveAsync(archive, ledger)).Entries);
    }

    private static ArchiveOptions Options(DateTimeOffset before) => new() { Before = before, MinEntries = 1 };

    private static GrantRequest Grant(string reference) => new() { Source = GrantSource.Purchase, Amount = Credits.Of(50), ExternalReference = reference };

    private EmbeddedCreditMeter NewMeter() => new(ledger, new() { Catalogue = CreditMeterConformance.TestCatalogue, SnapshotInterval = 1_000 }, clock, NullLogger<EmbeddedCreditMeter>.Instance);

    private async Task RestartAsync()
    {
        // Without snapshots: the state has to come from what the ledger begins with.
        await meter.DisposeAsync();
        meter = NewMeter();
    }

    private async Task<TransactionId> SpendOverDaysAsync(int days)
    {
        TransactionId? first = null;
        for (var day = 0; day < days; day++)
        {
            var spent = await DeductAsync(1);
            first ??= spent.TransactionId;
            clock.Advance(TimeSpan.FromDays(1));
        }

        await DeductAsync(1);
        return first!.Value;
    }

    private async Task<Deduction> DeductAsync(decimal amount) => (await meter.DeductAsync(Account, new() { Amount = Credits.Of(amount) })).Value;

    private async Task GrantAsync(string reference) => Assert.True((await meter.GrantAsync(Account, Grant(reference))).IsSuccess);

    private async Task<long> TotalAsync() => (await meter.ListTransactionsAsync(Account, new() { Limit = 1 })).Value.Total;

    private async Task<IReadOnlyList<Transaction>> ListAsync() => (await meter.ListTransactionsAsync(Account, new() { Limit = 1_000 })).Value.Items;

    private async Task<TransactionState> StateAsync(TransactionId id) => (await meter.GetTransactionAsync(Account, id)).Value.State;

    private Task<ArchiveReport> ArchiveAsync(DateTimeOffset before, int minEntries = 1, ILedgerStore? to = null) =>
        new LedgerArchiver(ledger, to ?? archive, meter, Options(before) with { MinEntries = minEntries }).ArchiveAsync();

    private async Task AssertNotLoadedAsync(string why)
    {
        await using var broken = NewMeter();
        var damage = await Assert.ThrowsAsync<LedgerFormatException>(async () => await broken.GetBalanceAsync(Account));
        var fault = (await LedgerVerifier.VerifyAsync(ledger)).Fault;
        Assert.Contains(why, fault, StringComparison.Ordinal);
        Assert.Contains("acct", fault, StringComparison.Ordinal);
        Assert.Contains(why, damage.Message, StringComparison.Ordinal);
    }

    /// <summary>Ledger and archive are sound and make the whole together.</summary>
    private async Task AssertWholeAsync()
    {
        Assert.Null((await LedgerVerifier.VerifyAsync(ledger)).Fault);
        Assert.Null((await LedgerVerifier.VerifyArchiveAsync(archive, ledger)).Fault);
        foreach (var account in await ledger.ListAccountsAsync(null, 100))
        {
            var begin = (await ledger.ReadBaseAsync(account))?.Head.Sequence ?? 0;
            var archived = (await archive.ReadAsync(account, 1, 10_000)).TakeWhile(row => row.Sequence <= begin);
            var left = await ledger.ReadAsync(account, 1, 10_000);
            var whole = archived.Concat(left).ToArray();
            Assert.Equal(Enumerable.Range(1, whole.Length).Select(number => (long)number), whole.Select(row => row.Sequence));
            var replay = new LedgerReplay(account, null, []);
            Assert.Null(replay.AddAll(whole));
            Assert.Null(replay.End());
        }
    }

    private sealed class Progress(Action<ArchiveReport> report) : IProgress<ArchiveReport>
    {
        public void Report(ArchiveReport value) => report(value);
    }

    /// <summary>A store whose cuts break off and whose reads lie where a test says so.</summary>
    private sealed class ScriptedCuts(ILedgerStore inner) : DelegatingLedgerStore(inner)
    {
        public Action? BeforeCut { get; set; }

        public Action? AfterCut { get; set; }

        public Func<Task>? AfterBase { get; set; }

        public Func<LedgerBase, LedgerBase?>? OnBase { get; set; }

        public Func<LedgerRow, LedgerRow>? OnRow { get; set; }

        public override async ValueTask CutAsync(IReadOnlyList<LedgerCut> cuts, CancellationToken cancellationToken = default)
        {
            BeforeCut?.Invoke();
            await base.CutAsync(cuts, cancellationToken);
            AfterCut?.Invoke();
        }

        public override async ValueTask<LedgerBase?> ReadBaseAsync(AccountId account, CancellationToken cancellationToken = default)
        {
            var stored = await base.ReadBaseAsync(account, cancellationToken);
            await (AfterBase?.Invoke() ?? Task.CompletedTask);
            return stored is not null && OnBase is not null ? OnBase(stored) : stored;
        }

        public override async ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default)
        {
            var rows = await base.ReadAsync(account, fromSequence, limit, cancellationToken);
            return OnRow is null ? rows : [.. rows.Select(OnRow)];
        }

        public override async ValueTask<IReadOnlyList<LedgerSnapshot>> ReadSnapshotsAsync(AccountId account, CancellationToken cancellationToken = default) =>
            OnBase is null ? await base.ReadSnapshotsAsync(account, cancellationToken) : [];
    }
}

public sealed class MemoryArchiveTests : ArchiveTests
{
    protected override ILedgerStore Open(string name) => new MemoryLedgerStore();
}

public sealed class SqliteArchiveTests : ArchiveTests
{
    private readonly TempFolder folder = new();

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        folder.Remove();
    }

    protected override ILedgerStore Open(string name) => SqliteLedgerStore.Open(folder.File($"{name}.db"));
}
