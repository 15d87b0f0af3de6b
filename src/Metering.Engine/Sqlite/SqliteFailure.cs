using Metering.Core;
using SQLitePCL;

namespace Metering.Engine;

/// <summary>What SQLite answered where it should have answered OK. It never leaves the stores: they say what it means for their caller.</summary>
internal sealed class SqliteFailure(int code, string message, int systemError) : Exception(message)
{
    // A write that the system turned down before it took a byte of it, by its number on Linux, macOS and the BSDs: a file system that was
    // remounted read-only (EROFS), a quota that is used up (EDQUOT).
    private static readonly int[] TurnedDown = [30, 69, 122];

    /// <summary>The extended result code.</summary>
    public int Code { get; } = code;

    /// <summary>The primary result code.</summary>
    public int Primary => Code & 0xFF;

    // Only of a write: a sync that fails leaves the outcome open, whatever its reason.
    private bool IsWriteTurnedDown => Code == raw.SQLITE_IOERR_WRITE && TurnedDown.Contains(systemError);

    private bool IsRefusal => IsWriteTurnedDown || Primary is raw.SQLITE_FULL or raw.SQLITE_BUSY or raw.SQLITE_LOCKED or raw.SQLITE_READONLY
        or raw.SQLITE_NOMEM or raw.SQLITE_CANTOPEN or raw.SQLITE_PERM or raw.SQLITE_PROTOCOL or raw.SQLITE_NOLFS or raw.SQLITE_INTERRUPT;

    private bool IsContent => Primary is raw.SQLITE_CONSTRAINT or raw.SQLITE_TOOBIG or raw.SQLITE_MISMATCH;

    /// <summary>What a failed write means, once it is rolled back for certain.</summary>
    /// <param name="file">The file's name, for the sentence.</param>
    /// <param name="committing">The failure came from the commit itself, where an I/O error leaves the outcome open.</param>
    public Exception AfterRollback(string file, bool committing) => this switch
    {
        { IsRefusal: true } => new LedgerUnavailableException($"{file} cannot be written now: {Message}.", this),
        { IsContent: true } => new LedgerContentException($"{file} refused the content of a batch: {Message}.", this),
        { Primary: raw.SQLITE_IOERR } when !committing => new LedgerUnavailableException($"{file} cannot be written now: {Message}.", this),
        _ => Fatal(file),
    };

    /// <summary>What a failed read means.</summary>
    /// <param name="file">The file's name, for the sentence.</param>
    public Exception AfterRead(string file) => this switch
    {
        { IsRefusal: true } or { Primary: raw.SQLITE_IOERR } => new LedgerUnavailableException($"{file} cannot be read now: {Message}.", this),
        { Primary: raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB } => new LedgerFormatException($"{file} is damaged: {Message}."),
        _ => Fatal(file),
    };

    /// <summary>The failure as one that ends the process: it cannot be judged from here.</summary>
    /// <param name="file">The file's name, for the sentence.</param>
    public LedgerFatalException Fatal(string file) =>
        new($"{file} failed in a way that only a new start can judge: {Message} (SQLite {Code}).", this);
}
