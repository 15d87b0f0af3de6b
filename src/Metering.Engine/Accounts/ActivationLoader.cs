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
        while (true)
        {
            var readAt = freshness.Now;
            var start = await FromSnapshotAsync(account) ?? await FromBeginningAsync(account);
            if (await ReplayAsync(start) is { } head)
            {
                return new AccountActivation(start.State, head, start.Head.Sequence, readAt, commit, settings);
            }
        }
    }

    /// <summary>Adds every entry after a start. Null where entries were archived meanwhile, so that the ledger has another beginning.</summary>
    private async ValueTask<LedgerHead?> ReplayAsync(Start start)
    {
        var (state, head, isVouched) = (start.State, start.Head, start.Base is null);
        while (true)
        {
            var rows = await store.ReadAsync(state.Id, state.Sequence + 1, PageRows);
            if (rows.Count > 0 && rows[0].Sequence > state.Sequence + 1 && (await store.ReadBaseAsync(state.Id))?.Head.Sequence > state.Sequence)
            {
                return null;
            }

            foreach (var row in rows)
            {
                isVouched |= Evolve(state, row, start.Base);
                head = row.Link is { } link ? new(row.Sequence, link) : head;
            }

            if (rows.Count < PageRows)
            {
                break;
            }
        }

        if (!isVouched)
        {
            throw new LedgerFormatException($"Account {state.Id} cannot be loaded: {LedgerBases.NotVouched(start.Base!)} Verify the ledger.");
        }

        return head.Sequence == state.Sequence
            ? head
            : throw new LedgerFormatException($"The ledger of account {state.Id} ends inside a commit, at entry {state.Sequence}.");
    }

    /// <returns>True where the entry vouches for the state that the ledger begins with.</returns>
    private static bool Evolve(AccountState state, LedgerRow row, LedgerBase? ledgerBase)
    {
        try
        {
            var entry = Views.ToEntry(row);
            Account.Evolve(state, entry);
            return ledgerBase is not null && LedgerBases.Vouches(entry, ledgerBase);
        }
        catch (Exception exception) when (exception is LedgerFormatException or InvariantException)
        {
            throw new LedgerFormatException($"Account {state.Id} cannot be loaded: entry {row.Sequence} is damaged. Verify the ledger. ({exception.Message})");
        }
    }

    private async ValueTask<Start?> FromSnapshotAsync(AccountId account)
    {
        var brought = settings.Placement?.SnapshotOf(account);
        var stored = await store.ReadSnapshotsAsync(account);
        foreach (var snapshot in brought is null ? stored : [.. stored.Append(brought).OrderByDescending(candidate => candidate.Head.Sequence)])
        {
            if (snapshot.FormatVersion is < SnapshotCodec.OldestVersion or > SnapshotCodec.Version)
            {
                continue;
            }

            // A snapshot counts only where the ledger holds exactly the head that it was taken at.
            var rows = await store.ReadAsync(account, snapshot.Head.Sequence, 1);
            if (rows.Count == 1 && rows[0].Sequence == snapshot.Head.Sequence && rows[0].Link == snapshot.Head.Link && TryDecode(account, snapshot) is { } state)
            {
                return new(state, snapshot.Head, null);
            }
        }

        return null;
    }

    private async ValueTask<Start> FromBeginningAsync(AccountId account) => await store.ReadBaseAsync(account) is { } ledgerBase
        ? new(LedgerBases.StateOf(account, ledgerBase), ledgerBase.Head, ledgerBase)
        : new(Account.New(account), LedgerHead.Empty(account), null);

    private static AccountState? TryDecode(AccountId account, LedgerSnapshot snapshot)
    {
        try
        {
            var state = SnapshotCodec.Decode(account, snapshot.State.Span, snapshot.FormatVersion);
            return state.Sequence == snapshot.Head.Sequence ? state : null;
        }
        catch (LedgerFormatException)
        {
            return null;
        }
    }

    /// <summary>What an activation begins from.</summary>
    /// <param name="State">The state, which the replay evolves.</param>
    /// <param name="Head">Where the state stands.</param>
    /// <param name="Base">What archived entries left, where the state is that: an entry has to vouch for it. Null for all else.</param>
    private sealed record Start(AccountState State, LedgerHead Head, LedgerBase? Base);
}
