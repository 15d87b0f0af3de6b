using Metering.Engine;

namespace Metering.Cli;

/// <summary>A file that is written beside its name and takes it once it is whole and on disk: nobody meets half of it under that name.</summary>
internal sealed class PartialFile : IAsyncDisposable
{
    private readonly string path;

    private PartialFile(string path, FileStream stream) => (this.path, Stream) = (path, stream);

    /// <summary>What is written.</summary>
    public FileStream Stream { get; }

    /// <summary>The name until it is whole.</summary>
    public static string NameOf(string path) => path + ".partial";

    /// <summary>Opens what was written before, or a new file.</summary>
    /// <exception cref="MeteringStartupException">It cannot be written.</exception>
    public static PartialFile Open(string path)
    {
        try
        {
            return Directory.Exists(path)
                ? throw new MeteringStartupException($"{path} is a folder; name a file.")
                : new(path, new(NameOf(path), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new MeteringStartupException($"{NameOf(path)} cannot be written ({error.Message.TrimEnd('.')}); name a file in a folder that this user may write.", error);
        }
    }

    /// <summary>Gives it its name, once everything is on disk.</summary>
    public void Complete()
    {
        Stream.Flush(flushToDisk: true);
        Stream.Dispose();
        File.Move(NameOf(path), path, overwrite: true);
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync() => Stream.DisposeAsync();
}
