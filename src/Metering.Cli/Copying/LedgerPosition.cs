using Metering.Core;
using Metering.Engine;

namespace Metering.Cli;

/// <summary>Where a copy of one account stands: the heads of both ledgers, and what comes next.</summary>
/// <param name="Account">The account.</param>
/// <param name="Source">The source's head when it was looked at: the copy ends there.</param>
/// <param name="Target">The target's head: the copy goes on after it.</param>
internal sealed record LedgerPosition(AccountId Account, LedgerHead Source, LedgerHead Target)
{
    // An entry has about 150 bytes, and one for ten thousand records half a megabyte: reads follow what an account's entries turn out to be.
    private const int FirstRead = 256;
    private const int LargestRead = 4_096;
    private const long BytesOfRead = 8L << 20;

    private int RowsToRead { get; init; } = FirstRead;

    /// <summary>True where the target has all of it.</summary>
    public bool IsDone => Target == Source;

    /// <summary>Looks at both heads.</summary>
    /// <returns>The position, and why the account cannot be copied; null where it can.</returns>
    public static async Task<(LedgerPosition Position, string? Refusal)> FindAsync(
        ILedgerStore source, ILedgerStore target, AccountId account, CancellationToken cancellationToken)
    {
        var (targetHead, _) = await target.ReadHeadAsync(account, cancellationToken);
        var (sourceHead, _) = await source.ReadHeadAsync(account, cancellationToken);
        var position = new LedgerPosition(account, sourceHead, targetHead);
        return position.IsDone || targetHead == LedgerHead.Empty(account) || await IsOnChainAsync(source, account, targetHead, cancellationToken)
            ? (position, null)
            : (position, $"Account {account} stands at entry {targetHead.Sequence} in the target with another history than in the source ({Describe(position)}). "
                + "Copy into an empty store, or the other way round.");
    }

    /// <summary>The position once a group is appended.</summary>
    /// <param name="group">The group.</param>
    /// <param name="bytes">Its bytes.</param>
    public LedgerPosition After(AppendGroup group, long bytes) => this with
    {
        Target = group.Next,
        RowsToRead = (int)Math.Clamp(BytesOfRead / Math.Max(1, bytes / group.Rows.Count), 1, LargestRead),
    };

    /// <summary>The position in a target that begins where the source does: an account without entries takes what archived ones left.</summary>
    public async Task<LedgerPosition> BeginAsync(ILedgerStore source, ILedgerStore target, CancellationToken cancellationToken)
    {
        if (Target != LedgerHead.Empty(Account) || await source.ReadBaseAsync(Account, cancellationToken) is not { } ledgerBase)
        {
            return this;
        }

        await target.CutAsync([new() { Account = Account, Base = ledgerBase }], cancellationToken);
        return this with { Target = ledgerBase.Head };
    }

    /// <summary>Reads the next rows after the target's head: whole commits of the source with their links, at least one.</summary>
    /// <param name="source">The ledger that is copied.</param>
    /// <param name="cancellationToken">Cancels the read.</param>
    /// <exception cref="LedgerFormatException">The source ends inside a commit.</exception>
    public async Task<AppendGroup> ReadNextAsync(ILedgerStore source, CancellationToken cancellationToken)
    {
        for (var wanted = RowsToRead; ; wanted *= 2)
        {
            var rows = await source.ReadAsync(Account, Target.Sequence + 1, wanted, cancellationToken);
            var end = LastLink(rows, Source.Sequence);
            if (end >= 0)
            {
                return new()
                {
                    Account = Account,
                    Expected = Target,
                    Next = new(rows[end].Sequence, rows[end].Link!.Value),
                    Rows = end == rows.Count - 1 ? rows : [.. rows.Take(end + 1)],
                };
            }

            if (rows.Count < wanted)
            {
                throw new LedgerFormatException($"Account {Account} ends inside a commit, after entry {Target.Sequence}; metering verify tells more.");
            }
        }
    }

    private static int LastLink(IReadOnlyList<LedgerRow> rows, long last)
    {
        var index = rows.Count - 1;
        while (index >= 0 && (rows[index].Link is null || rows[index].Sequence > last))
        {
            index--;
        }

        return index;
    }

    private static async Task<bool> IsOnChainAsync(ILedgerStore source, AccountId account, LedgerHead head, CancellationToken cancellationToken)
    {
        var rows = await source.ReadAsync(account, head.Sequence, 1, cancellationToken);
        return (rows.Count == 1 && rows[0].Sequence == head.Sequence && rows[0].Link == head.Link)
            || (await source.ReadBaseAsync(account, cancellationToken))?.Head == head;
    }

    private static string Describe(LedgerPosition position) => position.Source.Sequence switch
    {
        0 => "which has no such account",
        var sequence => $"which stands at entry {sequence}",
    };
}
