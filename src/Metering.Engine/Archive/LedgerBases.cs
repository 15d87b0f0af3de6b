using Metering.Core;

namespace Metering.Engine;

/// <summary>How a ledger whose first entries are archived begins: with a state that a checkpoint further on vouches for.</summary>
internal static class LedgerBases
{
    /// <summary>The state that a ledger begins with.</summary>
    /// <exception cref="LedgerFormatException">It is damaged, of a version that this build cannot read, or another entry's.</exception>
    public static AccountState StateOf(AccountId account, LedgerBase ledgerBase)
    {
        if (ledgerBase.FormatVersion is < SnapshotCodec.OldestVersion or > SnapshotCodec.Version)
        {
            throw new LedgerFormatException(
                $"The entries of account {account} through {ledgerBase.Head.Sequence} are archived behind a state of version {ledgerBase.FormatVersion}; this build reads versions {SnapshotCodec.OldestVersion} to {SnapshotCodec.Version}.");
        }

        var state = SnapshotCodec.Decode(account, ledgerBase.State.Span, ledgerBase.FormatVersion);
        return state.Sequence == ledgerBase.Head.Sequence && state.TransactionNumber == ledgerBase.Transactions
            ? state
            : throw new LedgerFormatException(
                $"The ledger of account {account} begins after entry {ledgerBase.Head.Sequence} with the state after entry {state.Sequence}.");
    }

    /// <summary>Whether an entry vouches for the state that its ledger begins with; false where it speaks of another point.</summary>
    /// <exception cref="LedgerFormatException">It speaks of that point, and vouches for something else.</exception>
    public static bool Vouches(Entry entry, LedgerBase ledgerBase)
    {
        if (entry is not Checkpoint { Point: var point } || point.Through != ledgerBase.Head.Sequence)
        {
            return false;
        }

        return point.Link == ledgerBase.Head.Link && point.StateVersion == ledgerBase.FormatVersion && point.StateDigest == CheckpointPoint.DigestOf(ledgerBase.State.Span)
            ? true
            : throw new LedgerFormatException($"The checkpoint vouches for another state after entry {point.Through} than the one that the ledger begins with.");
    }

    /// <summary>What is wrong with a ledger whose beginning nothing vouches for.</summary>
    public static string NotVouched(LedgerBase ledgerBase) =>
        $"no checkpoint vouches for the state after entry {ledgerBase.Head.Sequence}, which the ledger begins with.";
}
