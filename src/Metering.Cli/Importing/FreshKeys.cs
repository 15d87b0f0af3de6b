using System.Text.Json;
using Metering.Engine;

namespace Metering.Cli;

/// <summary>
/// The file that fresh keys are told in, one NDJSON line each; nobody but its owner may read it. A key is in the file, on disk, before its hash is in the
/// directory: a run that is killed in between leaves a line that opens nothing, and the next run adds the one that does. So of two lines with
/// one id the last counts. Safe for concurrent use.
/// </summary>
internal sealed class FreshKeys : IDisposable
{
    private readonly Lock gate = new();
    private readonly FileStream file;

    private FreshKeys(FileStream file) => this.file = file;

    /// <summary>Opens the file, at its end where there is one.</summary>
    /// <exception cref="MeteringStartupException">It cannot be written.</exception>
    public static FreshKeys Open(string path)
    {
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.Append, Access = FileAccess.Write, Share = FileShare.Read, BufferSize = 0 };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            var file = new FileStream(path, options);
            if (!OperatingSystem.IsWindows())
            {
                // Also where it was there before and others could read it.
                File.SetUnixFileMode(file.SafeFileHandle, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            return new(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new MeteringStartupException($"--keys: {path} cannot be written ({error.Message.TrimEnd('.')}); name a file in a folder that this user may write.", error);
        }
    }

    /// <summary>Tells a key, durably.</summary>
    public void Tell(KeyLine line, string key)
    {
        var text = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, string> { ["id"] = line.Id, ["account"] = line.Account.Value, ["name"] = line.Name, ["key"] = key });
        lock (gate)
        {
            file.Write([.. text, (byte)'\n']);
            file.Flush(flushToDisk: true);
        }
    }

    /// <inheritdoc />
    public void Dispose() => file.Dispose();
}
