using Metering.Core;

namespace Metering.Engine;

/// <summary>What became of a decision that waited for the ledger.</summary>
internal enum Release
{
    /// <summary>Its rows, and all that it had seen, are durable.</summary>
    Durable,

    /// <summary>It was decided on a state that did not last; nothing of it was written. Decide again.</summary>
    Lost,

    /// <summary>The ledger could not be written; nothing of it was written.</summary>
    Unavailable,

    /// <summary>It is not known whether it was written. Reading tells.</summary>
    Unknown,

    /// <summary>The ledger refused its content: a bug.</summary>
    Rejected,
}

/// <summary>
/// The entries of one decision on their way to the ledger: they are written in one commit or not at all. Whoever saw a state that
/// includes them waits for <see cref="Released"/>.
/// </summary>
internal sealed class QueuedDecision(AccountActivation activation, Entry[] entries, BalanceView view)
{
    private readonly TaskCompletionSource<Release> released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Entry[] entries = entries;

    public AccountActivation Activation { get; } = activation;

    /// <summary>The entries, until they are released: the last one stays in memory with its account and must not keep them.</summary>
    public ReadOnlySpan<Entry> Entries => entries;

    /// <summary>The figures after these entries.</summary>
    public BalanceView View { get; } = view;

    /// <summary>
    /// The state after these entries, to be stored as a snapshot once they are durable; null for none. The commit that writes this
    /// decision ends the account's group with it, so that the chain has a link at exactly this sequence.
    /// </summary>
    public ReadOnlyMemory<byte>? Snapshot { get; set; }

    public Task<Release> Released => released.Task;

    /// <summary>True once every entry is durable.</summary>
    public bool IsDurable => released.Task is { IsCompletedSuccessfully: true, Result: Release.Durable };

    public void Complete(Release release)
    {
        (entries, Snapshot) = ([], null);
        released.TrySetResult(release);
    }
}
