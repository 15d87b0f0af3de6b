namespace Metering.Engine;

/// <summary>How a <see cref="JournaledLedgerStore"/> runs.</summary>
internal sealed record JournaledLedgerOptions
{
    /// <summary>Bytes of journal records that the pages may be behind before appends wait for them; they are kept in memory.</summary>
    public long MaxBacklogBytes { get; init; } = 256L << 20;

    /// <summary>Entries that the pages may be behind before appends wait for them; about 100 bytes of memory each beside their own.</summary>
    public long MaxBacklogEntries { get; init; } = 2_000_000;

    /// <summary>
    /// Bytes that one step of the projector takes. More make fuller pages of accounts that are called rarely; they also make longer waits
    /// for an append that has to wait.
    /// </summary>
    public int StepBytes { get; init; } = 32 << 20;

    /// <summary>Accounts whose heads stay in memory without a tail.</summary>
    public int CachedAccounts { get; init; } = 131_072;
}
