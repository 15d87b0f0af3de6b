namespace Metering.Engine;

/// <summary>What the verification of a ledger found.</summary>
/// <param name="Accounts">Accounts checked, the bad one included.</param>
/// <param name="Entries">Entries checked.</param>
/// <param name="Fault">The first fault: which account, which entry, what is wrong; null where everything holds.</param>
public sealed record VerificationReport(long Accounts, long Entries, string? Fault)
{
    /// <summary>True where everything holds.</summary>
    public bool IsSound => Fault is null;
}

/// <summary>
/// Proves a ledger from its rows alone: sequences and transaction numbers without gaps, every link of the chain, every invariant of the
/// account replayed, rows that sum to the balance, snapshots that equal the replayed state. Where first entries are archived, all this begins
/// with the state that they left, for which a checkpoint among the rows has to vouch.
/// </summary>
public static class LedgerVerifier
{
    private const int PageAccounts = 1_024;

    /// <summary>Verifies every account; stops at the first fault.</summary>
    /// <param name="store">The ledger.</param>
    /// <param name="progress">Told as entries are checked, about every thousand of them and after each account; null for nobody.</param>
    /// <param name="cancellationToken">Ends the verification.</param>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read now.</exception>
    public static Task<VerificationReport> VerifyAsync(ILedgerStore store, IProgress<VerificationReport>? progress = null, CancellationToken cancellationToken = default) =>
        VerifyAsync(new AccountVerification(store, null, mustBeVouched: true), store, progress, cancellationToken);

    /// <summary>Verifies one account.</summary>
    /// <param name="store">The ledger.</param>
    /// <param name="account">The account.</param>
    /// <param name="cancellationToken">Ends the verification.</param>
    /// <returns>Entries checked, and the first fault or null.</returns>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read now.</exception>
    public static Task<(long Entries, string? Fault)> VerifyAccountAsync(ILedgerStore store, AccountId account, CancellationToken cancellationToken = default) =>
        new AccountVerification(store, null, mustBeVouched: true).VerifyAsync(account, static _ => { }, cancellationToken);

    /// <summary>
    /// Verifies an archive: every account of it as in a ledger, and that it holds what its ledger was cut at: entry, link and state. An archive
    /// that holds more than was cut is no fault: an archiving was broken off, and running it again finishes.
    /// </summary>
    /// <param name="archive">The archive.</param>
    /// <param name="ledger">The ledger that it belongs to; null to verify the archive alone.</param>
    /// <param name="progress">As for a ledger.</param>
    /// <param name="cancellationToken">Ends the verification.</param>
    /// <exception cref="LedgerUnavailableException">A store cannot be read now.</exception>
    public static async Task<VerificationReport> VerifyArchiveAsync(
        ILedgerStore archive, ILedgerStore? ledger, IProgress<VerificationReport>? progress = null, CancellationToken cancellationToken = default)
    {
        var report = await VerifyAsync(new AccountVerification(archive, ledger, mustBeVouched: false), archive, progress, cancellationToken);
        return report.IsSound && ledger is not null ? report with { Fault = await FindMissingAsync(archive, ledger, cancellationToken) } : report;
    }

    private static async Task<VerificationReport> VerifyAsync(
        AccountVerification verification, ILedgerStore store, IProgress<VerificationReport>? progress, CancellationToken cancellationToken)
    {
        var report = new VerificationReport(0, 0, null);
        AccountId? after = null;
        while (true)
        {
            var (page, unreadable) = await AccountVerification.TryReadAsync(() => store.ListAccountsAsync(after, PageAccounts, cancellationToken));
            if (unreadable is not null)
            {
                return report with { Fault = $"The list of accounts{(after is { } last ? $" after {last}" : "")}: {unreadable}" };
            }

            foreach (var account in page!)
            {
                var before = report;
                var (entries, fault) = await verification.VerifyAsync(
                    account, checkedEntries => progress?.Report(before with { Entries = before.Entries + checkedEntries }), cancellationToken);
                if (entries == 0 && fault is null && await store.ReadBaseAsync(account, cancellationToken) is null)
                {
                    // A ledger lists accounts with entries or a base only: these were lost, and no chain is left to tell.
                    fault = $"Account {account}, entry 1: the account is listed, and has no entries.";
                }

                report = new(report.Accounts + 1, report.Entries + entries, fault);
                progress?.Report(report);
                if (fault is not null)
                {
                    return report;
                }

                after = account;
            }

            if (page.Count < PageAccounts)
            {
                return report;
            }
        }
    }

    /// <summary>The first account that was cut and of which the archive holds nothing; null for none.</summary>
    private static async Task<string?> FindMissingAsync(ILedgerStore archive, ILedgerStore ledger, CancellationToken cancellationToken)
    {
        AccountId? after = null;
        while (true)
        {
            var page = await ledger.ListAccountsAsync(after, PageAccounts, cancellationToken);
            foreach (var account in page)
            {
                var (head, _) = await archive.ReadHeadAsync(account, cancellationToken);
                if (head.Sequence == 0 && await ledger.ReadBaseAsync(account, cancellationToken) is { } ledgerBase)
                {
                    return $"Account {account}: its ledger begins after entry {ledgerBase.Head.Sequence}, and the archive holds nothing of it.";
                }

                after = account;
            }

            if (page.Count < PageAccounts)
            {
                return null;
            }
        }
    }
}
