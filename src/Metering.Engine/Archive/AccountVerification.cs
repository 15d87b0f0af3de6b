using Metering.Core;

namespace Metering.Engine;

/// <summary>Verifies accounts of a ledger or of an archive, one after another.</summary>
/// <param name="store">What is verified.</param>
/// <param name="cutLedger">Where <paramref name="store"/> is an archive, the ledger that it belongs to; else null.</param>
/// <param name="mustBeVouched">False for an archive: the checkpoint for its own beginning may be in the ledger still.</param>
internal sealed class AccountVerification(ILedgerStore store, ILedgerStore? cutLedger, bool mustBeVouched)
{
    private const int PageRows = 1_024;

    /// <summary>Verifies one account.</summary>
    /// <param name="account">The account.</param>
    /// <param name="onPage">Told how many entries are checked.</param>
    /// <param name="cancellationToken">Ends the verification.</param>
    public async Task<(long Entries, string? Fault)> VerifyAsync(AccountId account, Action<long> onPage, CancellationToken cancellationToken)
    {
        while (true)
        {
            var (ledgerBase, unreadable) = await TryReadAsync(() => store.ReadBaseAsync(account, cancellationToken));
            if (unreadable is not null)
            {
                return (0, $"Account {account}, the state that its ledger begins with: {unreadable}");
            }

            var (entries, fault) = await VerifyAsync(account, ledgerBase, onPage, cancellationToken);
            if (fault is null || (await store.ReadBaseAsync(account, cancellationToken))?.Head == ledgerBase?.Head)
            {
                return (entries, fault);
            }

            // Entries were archived away under this verification's feet: what is left has another beginning.
        }
    }

    /// <summary>What a read gave, or why the store cannot make sense of what it holds.</summary>
    public static async ValueTask<(T? Read, string? Unreadable)> TryReadAsync<T>(Func<ValueTask<T>> read)
    {
        try
        {
            return (await read(), null);
        }
        catch (LedgerFormatException damage)
        {
            return (default, damage.Message);
        }
    }

    private async Task<(long Entries, string? Fault)> VerifyAsync(AccountId account, LedgerBase? ledgerBase, Action<long> onPage, CancellationToken cancellationToken)
    {
        var (snapshots, unreadable) = await TryReadAsync(() => store.ReadSnapshotsAsync(account, cancellationToken));
        if (unreadable is not null)
        {
            return (0, $"Account {account}, its snapshots: {unreadable}");
        }

        LedgerReplay replay;
        try
        {
            replay = new(account, ledgerBase, snapshots!) { Cut = await CutOfAsync(account, cancellationToken) };
        }
        catch (LedgerFormatException damage)
        {
            return (0, $"Account {account}, the state that its ledger begins with: {damage.Message}");
        }

        for (var limit = PageRows; ;)
        {
            IReadOnlyList<LedgerRow>? rows;
            (rows, unreadable) = await TryReadAsync(() => store.ReadAsync(account, replay.State.Sequence + 1, limit, cancellationToken));
            if (rows is null && limit > 1)
            {
                // Row by row from here on: what is good before the unreadable row is checked, and the row can be named.
                limit = 1;
                continue;
            }

            if (unreadable is not null)
            {
                return (replay.Entries, $"Account {account}, entry {replay.State.Sequence + 1}: {unreadable}");
            }

            if (replay.AddAll(rows!) is var (bad, fault))
            {
                return (bad - 1 - replay.Begin.Sequence, $"Account {account}, entry {bad}: {fault}");
            }

            if (rows!.Count < limit)
            {
                (var isEnd, unreadable) = await TryReadAsync(() => IsEndAsync(account, replay, cancellationToken));
                if (unreadable is not null)
                {
                    return (replay.Entries, $"Account {account}, entry {replay.State.Sequence + 1}: {unreadable}");
                }

                if (isEnd)
                {
                    return (replay.Entries, replay.End(mustBeVouched) is { } last ? $"Account {account}, entry {replay.State.Sequence}: {last}" : null);
                }
            }

            onPage(replay.Entries);
        }
    }

    /// <summary>
    /// True where the rows end where the ledger does. Its head tells of rows that are missing behind the last one, of which the chain knows nothing; or
    /// of rows that came while these were read, which are checked, too.
    /// </summary>
    /// <exception cref="LedgerFormatException">The end is missing.</exception>
    private async ValueTask<bool> IsEndAsync(AccountId account, LedgerReplay replay, CancellationToken cancellationToken)
    {
        var (head, _) = await store.ReadHeadAsync(account, cancellationToken);
        if (replay.Entries == 0 || head.Sequence <= replay.State.Sequence)
        {
            return true;
        }

        return (await store.ReadAsync(account, replay.State.Sequence + 1, 1, cancellationToken)).Count > 0
            ? false
            : throw new LedgerFormatException($"the rows end before this entry, and the ledger's head is entry {head.Sequence}.");
    }

    private async ValueTask<LedgerBase?> CutOfAsync(AccountId account, CancellationToken cancellationToken) =>
        cutLedger is null ? null : await cutLedger.ReadBaseAsync(account, cancellationToken);
}
