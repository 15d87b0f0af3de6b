using Metering.Core;

namespace Metering.Engine;

/// <summary>What a journal says of itself.</summary>
/// <param name="Identity">The ledger that it belongs to.</param>
/// <param name="First">The first record's position; 0 where it holds none.</param>
/// <param name="Last">The last position that it ever took, as far as it knows: of its last record, or of the last one deleted.</param>
/// <param name="DeletedThrough">The records up to this position were deleted.</param>
internal readonly record struct JournalState(UInt128 Identity, long First, long Last, long DeletedThrough);

/// <summary>
/// Where a commit becomes durable: records at positions that count up by one. <see cref="JournaledLedgerStore"/> decides what is in them.
/// Appending, deleting and maintaining are called by one thread at a time each, and may run at the same time as each other and as reads.
/// </summary>
internal interface IJournal : IDisposable
{
    /// <summary>The file's name, for sentences.</summary>
    string Name { get; }

    /// <summary>What it says of itself; null for a journal that was just made.</summary>
    JournalState? State { get; }

    /// <summary>Makes an empty journal of a ledger, durably, whatever it held.</summary>
    /// <param name="identity">The ledger's identity.</param>
    /// <param name="deletedThrough">The first record will have the position after this one.</param>
    void Create(UInt128 identity, long deletedThrough);

    /// <summary>Appends a record. It survives a loss of power when the call returns.</summary>
    /// <param name="position">Its position, one after the last.</param>
    /// <param name="record">The record; the journal keeps no reference to it.</param>
    /// <exception cref="LedgerUnavailableException">Nothing was written.</exception>
    /// <exception cref="LedgerContentException">Nothing was written; a smaller record may be accepted.</exception>
    /// <exception cref="LedgerFatalException">It cannot be known whether it was written.</exception>
    void Append(long position, ReadOnlySpan<byte> record);

    /// <summary>Hands over records in order, beginning at a position, until there is none or the visitor has enough.</summary>
    /// <param name="position">The first one wanted.</param>
    /// <param name="visit">Takes position and record, which is valid during the call; false ends the reading.</param>
    /// <exception cref="LedgerUnavailableException">The journal cannot be read now.</exception>
    /// <exception cref="LedgerFormatException">It is damaged.</exception>
    void Read(long position, RecordVisitor visit);

    /// <summary>Deletes the records up to a position, if there are any. Need not be durable: records that come back are deleted again.</summary>
    /// <exception cref="LedgerUnavailableException">They cannot be deleted now.</exception>
    void Delete(long through);

    /// <summary>Whatever keeps the journal small and quick beside its use; called between steps of the projector.</summary>
    /// <exception cref="LedgerUnavailableException">Not now.</exception>
    void Maintain();

    /// <summary>Makes what was deleted before gone from the file and its log. Appends wait meanwhile.</summary>
    /// <exception cref="LedgerUnavailableException">It is not gone now.</exception>
    /// <exception cref="LedgerFatalException">The disk failed in a commit.</exception>
    void Scrub();

    /// <summary>True where it could take a record, as far as can be told without writing one.</summary>
    bool IsHealthy { get; }
}

/// <summary>Takes one record of a journal.</summary>
/// <param name="position">Its position.</param>
/// <param name="record">The record, valid during the call.</param>
/// <returns>True for the next one.</returns>
internal delegate bool RecordVisitor(long position, ReadOnlySpan<byte> record);
