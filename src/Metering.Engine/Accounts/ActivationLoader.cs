using Metering.Core;

namespace Metering.Engine;

/// <summary>Brings an account into memory: the newest snapshot that the ledger bears out, and every entry after it.</summary>
internal sealed class ActivationLoader(ILedgerStore store, GroupCommit commit, Freshness freshness, ActivationSettings settings)
{
    private const int PageRows = 1_024;

    /// <summary>Loads an account; one without entries is not open and costs a look.</summary>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read now.</exception>
    /// <exception cref="LedgerFormatException">An entry is damaged, or a newer version wrote it.</exception>
    public async Task<AccountActivation> LoadAsync(AccountId account)
    {
        var readAt = freshness.Now;
        var (state, head) = await FromSnapshotAsync(account);
        var snapshotSequence = state.Sequence;
        while (true)
        {
            var rows = await store.ReadAsync(account, state.Sequence + 1, PageRows);
            foreach (var row in rows)
            {
                Evolve(state, row);
                head = row.Link is { } link ? new(row.Sequence, link) : head;
            }

            if (rows.Count < PageRows)
            {
                break;
            }
        }

        return head.Sequence == state.Sequence
            ? new AccountActivation(state, head, snapshotSequence, readAt, commit, settings)
            : throw new LedgerFormatException($"The ledger of account {account} ends inside a commit, at entry {state.Sequence}.");
    }

    private static void Evolve(AccountState state, LedgerRow row)
    {
        try
        {
            Account.Evolve(state, Views.ToEntry(row));
        }
        catch (Exception exception) when (exception is LedgerFormatException or InvariantException)
        {
            throw new LedgerFormatException($"Account {state.Id} cannot be loaded: entry {row.Sequence} is damaged. Verify the ledger. ({exception.Message})");
        }
    }

    private async Task<(AccountState State, LedgerHead Head)> FromSnapshotAsync(AccountId account)
    {
        foreach (var snapshot in await store.ReadSnapshotsAsync(account))
        {
            if (snapshot.FormatVersion != SnapshotCodec.Version)
            {
                continue;
            }

            // A snapshot counts only where the ledger holds exactly the head that it was taken at.
            var rows = await store.ReadAsync(account, snapshot.Head.Sequence, 1);
            if (rows.Count == 1 && rows[0].Sequence == snapshot.Head.Sequence && rows[0].Link == snapshot.Head.Link && TryDecode(account, snapshot) is { } state)
            {
                return (state, snapshot.Head);
            }
        }

        return (Account.New(account), LedgerHead.Empty(account));
    }

    private static AccountState? TryDecode(AccountId account, LedgerSnapshot snapshot)
    {
        try
        {
            var state = SnapshotCodec.Decode(account, snapshot.State.Span);
            return state.Sequence == snapshot.Head.Sequence ? state : null;
        }
        catch (LedgerFormatException)
        {
            return null;
        }
    }
}
