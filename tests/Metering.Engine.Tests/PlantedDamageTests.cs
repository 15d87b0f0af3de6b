using Metering.Conformance;
using Metering.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Engine.Tests;

/// <summary>
/// What <c>verify</c> claims, each claim against damage that is planted for it. Where the chain is not the claim, the damage comes with links that follow from it,
/// as somebody would make them who can write to the database.
/// </summary>
public sealed class PlantedDamageTests : IAsyncLifetime
{
    private static readonly AccountId Account = new("account-1");

    private MemoryLedgerStore sound = null!;
    private List<LedgerRow> rows = [];

    public async Task InitializeAsync()
    {
        sound = await FillAsync();
        rows = [.. await sound.ReadAsync(Account, 1, 100)];
        Assert.Null(await FaultAsync(rows));
    }

    public async Task DisposeAsync() => await sound.DisposeAsync();

    [Fact]
    public async Task A_charge_that_was_made_smaller_is_found_though_its_links_were_forged()
    {
        var charge = rows.FindIndex(row => Views.ToEntry(row) is CreditsSpent);
        var spent = (CreditsSpent)Views.ToEntry(rows[charge]);
        var fault = await FaultAsync(Forge(charge, Copy(spent, spent.Charged - Credits.Of(1), spent.Burns, spent.BalanceAfter)));
        Assert.Equal($"Account account-1, entry {rows[charge].Sequence}: What is burned sums to the amount.", fault);

        // With its burns made smaller, too, the balance after it tells; and with that, the balance after the next one.
        Burn[] burns = [spent.Burns[0] with { Amount = spent.Burns[0].Amount - Credits.Of(1) }, .. spent.Burns[1..]];
        fault = await FaultAsync(Forge(charge, Copy(spent, spent.Charged - Credits.Of(1), burns, spent.BalanceAfter)));
        Assert.Equal($"Account account-1, entry {rows[charge].Sequence}: A transaction knows the balance after it.", fault);
        fault = await FaultAsync(Forge(charge, Copy(spent, spent.Charged - Credits.Of(1), burns, spent.BalanceAfter + Credits.Of(1))));
        Assert.Equal($"Account account-1, entry {rows[charge + 1].Sequence}: A transaction knows the balance after it.", fault);
    }

    [Fact]
    public async Task A_spending_of_what_is_not_there_is_found()
    {
        var charge = rows.FindIndex(row => Views.ToEntry(row) is CreditsSpent);
        var spent = (CreditsSpent)Views.ToEntry(rows[charge]);
        Burn[] burns = [spent.Burns[0] with { Amount = Credits.Of(500) }];
        var fault = await FaultAsync(Forge(charge, Copy(spent, Credits.Of(500), burns, spent.BalanceAfter - Credits.Of(470))));
        Assert.Equal($"Account account-1, entry {rows[charge].Sequence}: A grant never goes below zero.", fault);
    }

    [Fact]
    public async Task A_grant_that_was_entered_twice_is_found()
    {
        var grant = rows.FindIndex(row => Views.ToEntry(row) is CreditsGranted { Kind: TransactionType.Purchase });
        var granted = (CreditsGranted)Views.ToEntry(rows[grant]);
        var last = rows[^1];
        var again = new CreditsGranted
        {
            Sequence = last.Sequence + 1,
            TransactionNumber = last.TransactionNumber + 1,
            Tag = granted.Tag,
            CreatedAt = granted.CreatedAt,
            AppliedAt = granted.AppliedAt,
            Kind = granted.Kind,
            Bucket = granted.Bucket,
            Granted = granted.Granted,
            ExpiresAt = granted.ExpiresAt,
            BalanceAfter = ((TransactionEntry)Views.ToEntry(last)).BalanceAfter + granted.Granted,
            ExternalReference = granted.ExternalReference,
        };
        var fault = await FaultAsync(Linked([.. rows, Row(again, last with { Sequence = last.Sequence + 1, TransactionNumber = last.TransactionNumber + 1 })]));
        Assert.Equal($"Account account-1, entry {last.Sequence + 1}: An external reference takes effect once.", fault);
    }

    [Fact]
    public async Task A_row_that_is_missing_in_the_middle_is_found()
    {
        for (var index = 1; index < rows.Count - 1; index++)
        {
            var fault = await FaultAsync(Linked([.. rows.Where((_, at) => at != index)]));
            Assert.Equal($"Account account-1, entry {index + 1}: the next row has sequence {index + 2}.", fault);
        }
    }

    [Fact]
    public async Task Rows_that_are_missing_at_the_end_are_found_by_the_head()
    {
        var fault = await FaultAsync(rows[..^1]);
        Assert.Equal($"Account account-1, entry {rows.Count}: the rows end before this entry, and the ledger's head is entry {rows.Count}.", fault);
    }

    [Fact]
    public async Task A_ledger_that_ends_inside_a_commit_is_found()
    {
        var inside = rows.FindIndex(row => row.Link is null);
        var cut = rows[..(inside + 1)];
        var report = await LedgerVerifier.VerifyAsync(new Forged(sound, cut) { Head = new(cut[^1].Sequence, default) });
        Assert.Contains("the ledger ends inside a commit.", report.Fault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Columns_that_say_other_things_than_the_facts_are_found()
    {
        LedgerRow[] damaged = [rows[2] with { Key = 7 }, rows[2] with { IsTransaction = false }, rows[2] with { TransactionNumber = 99 }];
        foreach (var row in damaged)
        {
            Assert.Equal("Account account-1, entry 3: the row's columns differ from its facts.", await FaultAsync([.. rows[..2], row, .. rows[3..]]));
        }
    }

    [Fact]
    public async Task Every_byte_of_facts_and_texts_is_under_the_chain()
    {
        for (var index = 0; index < rows.Count; index++)
        {
            var bytes = rows[index].Facts.ToArray();
            for (var at = 0; at < bytes.Length; at++)
            {
                bytes[at] ^= 1;
                var fault = await FaultAsync([.. rows[..index], rows[index] with { Facts = bytes.ToArray() }, .. rows[(index + 1)..]]);
                Assert.StartsWith("Account account-1, entry ", fault, StringComparison.Ordinal);
                bytes[at] ^= 1;
            }
        }

        var texts = rows.FindIndex(row => !row.Texts.IsEmpty);
        var changed = rows[texts].Texts.ToArray();
        changed[^1] ^= 1;
        Assert.Contains($"entry {texts + 1}: the chain is broken", await FaultAsync([.. rows[..texts], rows[texts] with { Texts = changed }, .. rows[(texts + 1)..]]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_link_of_its_own_in_the_middle_is_found()
    {
        var forged = rows.ToList();
        forged[1] = forged[1] with { Link = rows[2].Link };
        Assert.StartsWith("Account account-1, entry 2: the chain is broken: the link does not follow", await FaultAsync(forged), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Snapshots_of_another_state_at_no_commits_end_or_unreadable_are_found()
    {
        var snapshot = await SnapshotAsync();
        Assert.Null(await FaultAsync(rows, snapshot));
        var state = snapshot.State.ToArray();
        state[^1] ^= 1;
        var head = snapshot.Head.Sequence;
        Assert.Equal($"Account account-1, entry {head}: the snapshot taken here differs from what the entries add up to.", await FaultAsync(rows, snapshot with { State = state }));
        var elsewhere = snapshot with { Head = new(head, rows[0].Link ?? default) };
        Assert.Equal($"Account account-1, entry {head}: a snapshot stands at entry {head}, where no commit ended.", await FaultAsync(rows, elsewhere));
        var unreadable = new Forged(sound, rows) { SnapshotsAreUnreadable = true };
        Assert.Equal("Account account-1, its snapshots: the page is damaged.", (await LedgerVerifier.VerifyAsync(unreadable)).Fault);
    }

    private static async Task<MemoryLedgerStore> FillAsync()
    {
        var store = new MemoryLedgerStore();
        var clock = new ManualTimeProvider(new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await using var meter = new EmbeddedCreditMeter(store, new(), clock, NullLogger<EmbeddedCreditMeter>.Instance);
        _ = (await meter.OpenAccountAsync(Account, new() { Plan = "starter" })).Value;
        _ = (await meter.GrantAsync(Account, new() { Source = GrantSource.Purchase, Amount = Credits.Of(50), ExternalReference = "invoice-1" })).Value;
        var charge = (await meter.DeductAsync(Account, new() { Amount = Credits.Of(30), Description = "Thirty" })).Value;
        _ = (await meter.RefundAsync(Account, new() { TransactionId = charge.TransactionId, Amount = Credits.Of(10) })).Value;
        _ = (await meter.DeductBatchAsync(Account, new() { Items = [new() { Amount = Credits.Of(1) }, new() { Amount = Credits.Of(2) }, new() { Amount = Credits.Of(3) }] })).Value;
        _ = (await meter.DeductAsync(Account, new() { Amount = Credits.Of(4) })).Value;
        return store;
    }

    private async Task<string?> FaultAsync(List<LedgerRow> forged, LedgerSnapshot? snapshot = null) =>
        (await LedgerVerifier.VerifyAsync(new Forged(sound, forged) { Snapshot = snapshot, Head = forged.Count < rows.Count ? null : new(forged[^1].Sequence, default) })).Fault;

    /// <summary>What the account's entries add up to, as an account that leaves memory stores it.</summary>
    private async Task<LedgerSnapshot> SnapshotAsync()
    {
        var (state, bytes) = (Core.Account.New(Account), new ByteWriter());
        foreach (var row in rows)
        {
            Core.Account.Evolve(state, Views.ToEntry(row));
        }

        SnapshotCodec.Encode(state, bytes);
        return new((await sound.ReadHeadAsync(Account)).Head, SnapshotCodec.Version, bytes.Written.ToArray());
    }

    private List<LedgerRow> Forge(int index, Entry entry) => Linked([.. rows[..index], Row(entry, rows[index]), .. rows[(index + 1)..]]);

    private static LedgerRow Row(Entry entry, LedgerRow row)
    {
        var (facts, texts) = (new ByteWriter(), new ByteWriter());
        EntryCodec.Encode(entry, facts, texts);
        return row with { Facts = facts.Written.ToArray(), Texts = texts.Written.ToArray() };
    }

    private static CreditsSpent Copy(CreditsSpent spent, Credits charged, Burn[] burns, Credits balanceAfter) => new()
    {
        Sequence = spent.Sequence,
        TransactionNumber = spent.TransactionNumber,
        Tag = spent.Tag,
        CreatedAt = spent.CreatedAt,
        AppliedAt = spent.AppliedAt,
        Key = spent.Key,
        Charged = charged,
        Burns = burns,
        BalanceAfter = balanceAfter,
        Description = spent.Description,
    };

    /// <summary>The rows with links that follow from them.</summary>
    private static List<LedgerRow> Linked(List<LedgerRow> forged)
    {
        var hasher = new ChainHasher();
        hasher.Begin(ChainLink.Genesis(Account));
        for (var index = 0; index < forged.Count; index++)
        {
            hasher.Add(forged[index].Facts.Span, forged[index].Texts.Span);
            if (forged[index].Link is not null)
            {
                var link = hasher.End();
                forged[index] = forged[index] with { Link = link };
                hasher.Begin(link);
            }
        }

        return forged;
    }

    private sealed class Forged(ILedgerStore inner, List<LedgerRow> rows) : DelegatingLedgerStore(inner)
    {
        public LedgerHead? Head { get; init; }

        public LedgerSnapshot? Snapshot { get; init; }

        public bool SnapshotsAreUnreadable { get; init; }

        public override ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default) =>
            new([.. rows.Where(row => row.Sequence >= fromSequence).Take(limit)]);

        public override async ValueTask<(LedgerHead Head, long Transactions)> ReadHeadAsync(AccountId account, CancellationToken cancellationToken = default)
        {
            var (head, transactions) = await base.ReadHeadAsync(account, cancellationToken);
            return (Head ?? head, transactions);
        }

        public override ValueTask<IReadOnlyList<LedgerSnapshot>> ReadSnapshotsAsync(AccountId account, CancellationToken cancellationToken = default) =>
            SnapshotsAreUnreadable ? throw new LedgerFormatException("the page is damaged.") : new(Snapshot is null ? [] : [Snapshot]);
    }
}
