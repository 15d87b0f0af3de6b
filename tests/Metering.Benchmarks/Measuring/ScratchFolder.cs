namespace Metering.Benchmarks;

/// <summary>A folder in the temporary one, removed with what is in it.</summary>
internal sealed class ScratchFolder : IDisposable
{
    public ScratchFolder(string name) => Path = Directory.CreateTempSubdirectory($"metering-{name}-").FullName;

    public string Path { get; }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
