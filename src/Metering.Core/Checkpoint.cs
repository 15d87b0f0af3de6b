using System.Security.Cryptography;

namespace Metering.Core;

/// <summary>Where an account stood after one of its entries: what a checkpoint says of the entries that are archived behind it.</summary>
/// <param name="Through">The last entry that is included, 1 or more; it ends a commit group.</param>
/// <param name="Link">The link of the chain that stands with it: the chain of what is left goes on from there.</param>
/// <param name="Transactions">The account's transactions through it.</param>
/// <param name="Bonus">Bonus credits left after it.</param>
/// <param name="Monthly">Credits of the period's allotment left after it.</param>
/// <param name="Permanent">Permanent credits left after it.</param>
/// <param name="Held">Credits held by reservations after it.</param>
/// <param name="StateVersion">The version of the state's bytes (<see cref="SnapshotCodec.Version"/>).</param>
/// <param name="StateDigest">SHA-256 of the state's bytes.</param>
public sealed record CheckpointPoint(
    long Through, ChainLink Link, long Transactions, Credits Bonus, Credits Monthly, Credits Permanent, Credits Held, int StateVersion, ChainLink StateDigest)
{
    /// <summary>What the rows through this point sum to.</summary>
    public Credits Available => Bonus + Monthly + Permanent - Held;

    /// <summary>The point that a state stands at.</summary>
    /// <param name="state">The state after the last entry that is included.</param>
    /// <param name="link">The link that stands with that entry.</param>
    /// <param name="encoded">The state's bytes as <see cref="SnapshotCodec.Encode"/> writes them.</param>
    public static CheckpointPoint Of(AccountState state, ChainLink link, ReadOnlySpan<byte> encoded) => new(
        state.Sequence, link, state.TransactionNumber, state.Grants.Bonus, state.Grants.Monthly, state.Grants.Permanent, state.Held,
        SnapshotCodec.Version, DigestOf(encoded));

    /// <summary>The digest of a state's bytes.</summary>
    /// <param name="encoded">The bytes.</param>
    public static ChainLink DigestOf(ReadOnlySpan<byte> encoded) => ChainLink.Read(SHA256.HashData(encoded));

    internal void Encode(ByteWriter writer)
    {
        writer.Unsigned((ulong)Through);
        writer.Link(Link);
        writer.Unsigned((ulong)Transactions);
        writer.Credits(Bonus);
        writer.Credits(Monthly);
        writer.Credits(Permanent);
        writer.Credits(Held);
        writer.Unsigned((ulong)StateVersion);
        writer.Link(StateDigest);
    }

    internal static CheckpointPoint Decode(ref ByteReader reader) => new(
        reader.Number(), reader.Link(), reader.Number(), reader.Credits(), reader.Credits(), reader.Credits(), reader.Credits(),
        reader.Period(), reader.Link());
}

/// <summary>
/// Entries were archived, or are about to be: the account's ledger may begin after <see cref="CheckpointPoint.Through"/>, because this entry,
/// which the chain covers, vouches for the state that it then begins with. It moves nothing and is no transaction. It stands at the end
/// of the ledger as it was and not where the cut is, so that what happened since the cut stays readable and refundable.
/// </summary>
public sealed class Checkpoint : Entry
{
    /// <summary>Where the account stood.</summary>
    public required CheckpointPoint Point { get; init; }
}

/// <summary>Vouches for a state that a ledger is to begin with. Whoever asks for it has replayed the entries through that point.</summary>
public sealed class MakeCheckpoint : Command
{
    /// <summary>Where the account stood.</summary>
    public required CheckpointPoint Point { get; init; }
}

/// <content>Checkpoints.</content>
public static partial class Account
{
    private static Decision DecideCheckpoint(AccountState state, MakeCheckpoint command, DateTimeOffset now)
    {
        // A state behind the ledger (another process appended) must not vouch for what it has not seen.
        if (command.Point.Through < 1 || command.Point.Through > state.Sequence || command.Point.Transactions > state.TransactionNumber)
        {
            return Refusal.Invalid("through", $"through is {command.Point.Through}; 1 to {state.Sequence}, the account's last entry, are allowed.");
        }

        return Decision.Append(new Checkpoint
        {
            Sequence = state.Sequence + 1,
            TransactionNumber = state.TransactionNumber,
            CreatedAt = now,
            AppliedAt = now,
            Point = command.Point,
        });
    }

    private static void Apply(AccountState state, Checkpoint checkpoint)
    {
        var point = checkpoint.Point;
        Invariant.Holds(point.Through >= 1 && point.Through < checkpoint.Sequence, "A checkpoint vouches for entries before it.");
        Invariant.Holds(point.Transactions <= state.TransactionNumber, "A checkpoint counts no more transactions than there are.");
        Invariant.Holds(point.Through < checkpoint.Sequence - 1 || point.Available == state.Available, "A checkpoint of the entry before it knows its balance.");
    }
}
