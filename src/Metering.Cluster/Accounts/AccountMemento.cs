using Metering.Core;
using Metering.Engine;

namespace Metering.Cluster;

/// <summary>
/// What an account's grain leaves behind in the grain storage: a shortcut, never the truth. The ledger is the truth, and a snapshot counts
/// only where the ledger holds exactly its head.
/// </summary>
[GenerateSerializer, Alias("metering.memento")]
internal sealed class AccountMemento
{
    /// <summary>The entry that the snapshot stands at; 0 for no snapshot.</summary>
    [Id(0)]
    public long Sequence { get; set; }

    /// <summary>The link of the ledger's chain there.</summary>
    [Id(1)]
    public byte[] Link { get; set; } = [];

    /// <summary>The version of the state's bytes.</summary>
    [Id(2)]
    public int FormatVersion { get; set; }

    /// <summary>The state's bytes.</summary>
    [Id(3)]
    public byte[] State { get; set; } = [];

    /// <summary>The due time that the account's reminder was set for; null where it has none.</summary>
    [Id(4)]
    public DateTimeOffset? RemindedOf { get; set; }

    /// <summary>The snapshot; null for none.</summary>
    public LedgerSnapshot? ToSnapshot() =>
        Sequence > 0 && Link.Length == ChainLink.Bytes ? new(new(Sequence, ChainLink.Read(Link)), FormatVersion, State) : null;

    /// <summary>Lets go of the bytes, which the next <see cref="Hold"/> replaces.</summary>
    public void Forget() => State = [];

    public void Hold(LedgerSnapshot snapshot)
    {
        Sequence = snapshot.Head.Sequence;
        Link = snapshot.Head.Link.ToArray();
        FormatVersion = snapshot.FormatVersion;
        State = snapshot.State.ToArray();
    }
}
