using System.Globalization;
using System.Text;

namespace Metering.Engine;

/// <summary>
/// Holds a database for one process: the ledger keeps heads in memory, so a second writer must not start at all. The operating system
/// drops the lock when the process ends, however it ends. The file stays: removing it could take a later owner's lock away.
/// </summary>
internal sealed class SqliteLock : IDisposable
{
    // "In use" as Linux, macOS and Windows number it in an IOException.
    private static readonly int[] InUse = [11, 35, unchecked((int)0x80070020)];

    private readonly FileStream stream;

    private SqliteLock(FileStream stream) => this.stream = stream;

    /// <summary>Takes the lock of a database.</summary>
    /// <param name="databasePath">The database's full path; the lock is a file beside it.</param>
    /// <exception cref="MeteringStartupException">Another process holds it, or the file cannot be made.</exception>
    public static SqliteLock Take(string databasePath)
    {
        var (path, name) = (databasePath + ".lock", Path.GetFileName(databasePath));
        try
        {
            // On Windows others may read the owner's id; elsewhere the lock is advisory, and every tool can.
            var share = OperatingSystem.IsWindows() ? FileShare.Read : FileShare.None;
            var stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, share, bufferSize: 0);
            try
            {
                stream.SetLength(0);
                stream.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}\n")));
                return new(stream);
            }
            catch
            {
                stream.Dispose();
                throw;
            }
        }
        catch (IOException error) when (InUse.Contains(error.HResult))
        {
            throw new MeteringStartupException(
                $"The database {name} is in use by another process, whose id stands in {path}. Stop that process, or choose another path.", error)
            {
                IsInUse = true,
            };
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MeteringStartupException(
                $"The database {name} cannot be opened: {path} cannot be written ({error.Message}). Give this user the right to write "
                + "there and make room on the disk, or choose another path.",
                error);
        }
    }

    public void Dispose() => stream.Dispose();
}
