using System.Buffers.Binary;

namespace Metering.Engine;

/// <summary>The schema of one SQLite file.</summary>
/// <param name="Name">The file's name.</param>
/// <param name="Version">The schema's version; 0 where the file has none yet.</param>
public sealed record SqliteSchemaVersion(string Name, long Version);

/// <summary>Tells the schemas of a ledger's files, for tools. Opening a store is what brings them up to date.</summary>
public static class SqliteSchema
{
    // SQLite's file format: user_version is a big-endian number at this place of the header.
    private const int VersionAt = 60;

    /// <summary>The schemas of a ledger's and its directory's files; they are closed now.</summary>
    /// <param name="path">The ledger's file.</param>
    /// <exception cref="MeteringStartupException">A file cannot be read.</exception>
    public static IReadOnlyList<SqliteSchemaVersion> Versions(string path)
    {
        try
        {
            return [.. SqliteBackup.FilesOf(path).Select(file => new SqliteSchemaVersion(Path.GetFileName(file), Read(file)))];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MeteringStartupException($"The files of the ledger {path} cannot be read ({error.Message}). Give this user the right to read and write them.", error);
        }
    }

    // From the header, not through a connection: closing one would write to the file before the store that owns it has looked at its log.
    private static uint Read(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        var header = new byte[VersionAt + sizeof(uint)];
        return stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) == header.Length
            ? BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(VersionAt))
            : 0;
    }
}
