using Metering.Core;

namespace Metering.Engine;

/// <summary>
/// Replays an account's rows and proves them: sequences without gaps, every link of the chain (by the kept digest where texts were erased), every invariant of the account, rows that sum
/// to the balance, snapshots that equal the replayed state. It begins with entry 1 or with the state that archived entries left.
/// </summary>
internal sealed class LedgerReplay
{
    private readonly LedgerBase? ledgerBase;
    private readonly List<LedgerSnapshot> snapshots;
    private readonly ChainHasher hasher = new();
    private Credits sum;
    private bool isVouched;
    private bool isCutMet;
    private long commitBegins;

    /// <summary>Begins a replay.</summary>
    /// <param name="account">The account.</param>
    /// <param name="ledgerBase">What its ledger begins with; null for entry 1.</param>
    /// <param name="snapshots">Snapshots to compare the state with on the way.</param>
    /// <exception cref="LedgerFormatException">The state that the ledger begins with cannot be read.</exception>
    public LedgerReplay(AccountId account, LedgerBase? ledgerBase, IEnumerable<LedgerSnapshot> snapshots)
    {
        this.ledgerBase = ledgerBase;
        Begin = ledgerBase?.Head ?? LedgerHead.Empty(account);
        Head = Begin;
        State = ledgerBase is null ? Account.New(account) : LedgerBases.StateOf(account, ledgerBase);
        this.snapshots = [.. snapshots.Where(snapshot => snapshot.FormatVersion == SnapshotCodec.Version && snapshot.Head.Sequence > Begin.Sequence)];
        (sum, commitBegins) = (State.Available, State.Sequence + 1);
        hasher.Begin(Head.Link);
    }

    /// <summary>Where the replay began.</summary>
    public LedgerHead Begin { get; }

    /// <summary>The last commit that was added whole.</summary>
    public LedgerHead Head { get; private set; }

    /// <summary>The state after the last row.</summary>
    public AccountState State { get; }

    /// <summary>Rows added.</summary>
    public long Entries => State.Sequence - Begin.Sequence;

    /// <summary>Where another ledger was cut that these rows are the archive of: they have to come by there. Null for none.</summary>
    public LedgerBase? Cut { get; init; }

    /// <summary>True once the rows have come by <see cref="Cut"/>, or where they begin there.</summary>
    private bool IsCutMet => Cut is null || isCutMet || Cut.Head == Begin;

    /// <summary>The first bad row's sequence and its fault, or null. Nothing may be added after it.</summary>
    public (long Sequence, string Fault)? AddAll(IReadOnlyList<LedgerRow> rows)
    {
        foreach (var row in rows)
        {
            var due = State.Sequence + 1;
            if (Add(row) is { } fault)
            {
                return (due, fault);
            }
        }

        return null;
    }

    /// <summary>What is wrong with the end, or null.</summary>
    /// <param name="mustBeVouched">True where a checkpoint among the rows has to vouch for what they began with.</param>
    public string? End(bool mustBeVouched = true)
    {
        if (commitBegins <= State.Sequence)
        {
            return "the ledger ends inside a commit.";
        }

        return snapshots.Count > 0 ? $"a snapshot stands at entry {snapshots[0].Head.Sequence}, where no commit ended."
            : !IsCutMet ? $"the archive ends at entry {State.Sequence} or has other entries, and the ledger begins after entry {Cut!.Head.Sequence}."
            : mustBeVouched && ledgerBase is not null && !isVouched ? LedgerBases.NotVouched(ledgerBase)
            : null;
    }

    private string? Add(LedgerRow row)
    {
        if (row.Sequence != State.Sequence + 1)
        {
            return $"the next row has sequence {row.Sequence}.";
        }

        hasher.Add(row.Facts.Span, row.Texts.Span);
        if (row.Link is { } link)
        {
            if (row.TextsDigest is not null && hasher.TextsDigest != default)
            {
                return "texts stand beside the digest that was kept of erased ones.";
            }

            if (hasher.End(row.TextsDigest) != link)
            {
                return row.Sequence == commitBegins
                    ? "the chain is broken: the link does not follow from the entry and the link before it."
                    : $"the chain is broken: the link does not follow from the entries of its commit, {commitBegins} to {row.Sequence}, and the link before them.";
            }

            hasher.Begin(link);
            commitBegins = row.Sequence + 1;
        }

        try
        {
            return Evolve(row);
        }
        catch (Exception exception) when (exception is LedgerFormatException or InvariantException)
        {
            return exception.Message;
        }
    }

    private string? Evolve(LedgerRow row)
    {
        var entry = Views.ToEntry(row);
        if (entry.Sequence != row.Sequence || entry.TransactionNumber != row.TransactionNumber || entry is TransactionEntry != row.IsTransaction || entry.Key?.Id != row.Key)
        {
            return "the row's columns differ from its facts.";
        }

        var next = sum + ((entry as TransactionEntry)?.Amount ?? Credits.Zero);
        Account.Evolve(State, entry);
        sum = next;
        if (sum != State.Available)
        {
            return $"the rows sum to {sum}, and the balance is {State.Available}.";
        }

        isVouched |= ledgerBase is not null && LedgerBases.Vouches(entry, ledgerBase);
        if (row.Link is not { } link)
        {
            return null;
        }

        Head = new(row.Sequence, link);
        return CheckSnapshot() ?? CheckCut();
    }

    private string? CheckSnapshot()
    {
        var index = snapshots.FindIndex(snapshot => snapshot.Head == Head);
        if (index < 0)
        {
            return null;
        }

        var isEqual = IsState(snapshots[index].State.Span);
        snapshots.RemoveAt(index);
        return isEqual
            ? null
            : "the snapshot taken here differs from what the entries add up to.";
    }

    private string? CheckCut()
    {
        if (Cut is null || Cut.Head != Head)
        {
            return null;
        }

        isCutMet = true;
        return Cut.FormatVersion != SnapshotCodec.Version || IsState(Cut.State.Span)
            ? null
            : "the state that the ledger begins with after this entry differs from what the archived entries add up to.";
    }

    private bool IsState(ReadOnlySpan<byte> encoded)
    {
        var replayed = new ByteWriter(1_024);
        SnapshotCodec.Encode(State, replayed);
        return replayed.Written.Span.SequenceEqual(encoded);
    }
}
