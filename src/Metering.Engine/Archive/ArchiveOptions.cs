namespace Metering.Engine;

/// <summary>Which entries go into the archive.</summary>
public sealed record ArchiveOptions
{
    /// <summary>The least of <see cref="KeptTail"/>: idempotency keys are answered from their entries for 24 hours.</summary>
    public static readonly TimeSpan LeastKeptTail = TimeSpan.FromHours(24);

    /// <summary>Entries that were applied before this instant, UTC, are archived, in whole commits.</summary>
    public required DateTimeOffset Before { get; init; }

    /// <summary>
    /// Accounts with fewer entries to archive are passed over, 1 or more; default 256. With 1 every account that has an old entry is cut and
    /// keeps its state beside what is left, which may take more room than a few entries did; a high figure leaves small accounts whole.
    /// </summary>
    public int MinEntries { get; init; } = 256;

    /// <summary>
    /// What every account keeps before its last entry, by the account's own time, 24 hours or more; default 48 hours. So no retry finds its
    /// answer archived, whatever <see cref="Before"/> says and however clocks differ. An account without calls keeps its last days with it.
    /// </summary>
    public TimeSpan KeptTail { get; init; } = TimeSpan.FromHours(48);

    /// <summary>Entries that are gathered for one commit of the archive, 1 or more; default 16,384. More need more memory, fewer more commits.</summary>
    public int BatchEntries { get; init; } = 16_384;

    /// <summary>Accounts whose entries are cut in one commit, 1 or more; default 256.</summary>
    public int BatchAccounts { get; init; } = 256;

    /// <summary>Throws where a figure is out of its range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Which one, and what is allowed.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MinEntries, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(KeptTail, LeastKeptTail);
        ArgumentOutOfRangeException.ThrowIfLessThan(BatchEntries, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(BatchAccounts, 1);
    }
}

/// <summary>How far an archiving has come.</summary>
/// <param name="Accounts">Accounts looked at.</param>
/// <param name="AccountsArchived">Accounts of which entries were archived and cut.</param>
/// <param name="Entries">Entries archived and cut.</param>
/// <param name="Bytes">Bytes of their facts and texts.</param>
public sealed record ArchiveReport(long Accounts, long AccountsArchived, long Entries, long Bytes);

/// <summary>
/// Archiving cannot go on. Nothing is lost: what is not cut is in the ledger, and what is cut is in the archive. The message is a sentence
/// for people that says which account and what to do.
/// </summary>
public sealed class ArchiveException : Exception
{
    /// <summary>Says why, and what to do.</summary>
    /// <param name="message">One sentence.</param>
    public ArchiveException(string message)
        : base(message)
    {
    }
}
