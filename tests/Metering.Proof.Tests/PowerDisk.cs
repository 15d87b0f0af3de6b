using System.IO.MemoryMappedFiles;

namespace Metering.Proof.Tests;

/// <summary>
/// A disk under one data folder whose power can be cut and that can fill up and fail (native/disk.c). The server's files are the page cache;
/// an image beside them holds what was synced.
/// </summary>
internal sealed class PowerDisk : IDisposable
{
    private const int ControlBytes = 4_096;
    private const int SectorBytes = 512;

    private readonly DataFolder folder;
    private readonly MemoryMappedFile file;
    private readonly MemoryMappedViewAccessor control;

    private PowerDisk(DataFolder folder)
    {
        this.folder = folder;
        file = MemoryMappedFile.CreateFromFile(folder.File("control"), FileMode.CreateNew, null, ControlBytes);
        control = file.CreateViewAccessor();
        Room = -1;
    }

    /// <summary>Writes, truncations and syncs so far.</summary>
    public long Operations => control.ReadInt64(0);

    public long Writes => control.ReadInt64(8);

    /// <summary>Syncs that succeeded.</summary>
    public long Syncs => control.ReadInt64(16);

    /// <summary>Calls that failed because this disk was told to fail.</summary>
    public long Failures => control.ReadInt64(24);

    /// <summary>The process dies as this operation begins; 0 for never.</summary>
    public long KillAt { set => control.Write(32, value); }

    /// <summary>Bytes that can still be written; negative for any number.</summary>
    public long Room { set => control.Write(40, value); }

    /// <summary>Writes fail with this number of the operating system; 0 for none.</summary>
    public int WriteError { set => control.Write(48, (long)value); }

    /// <summary>The process dies as the next sync begins: what it wrote before is in the page cache only.</summary>
    public bool KillsAtSync { set => control.Write(56, value ? 1L : 0); }

    /// <summary>Syncs fail with an I/O error, and what they should have written is forgotten, as Linux does.</summary>
    public bool FailsSyncs { set => control.Write(64, value ? 1L : 0); }

    /// <summary>What a process needs to run on this disk.</summary>
    public IReadOnlyDictionary<string, string> Variables => new Dictionary<string, string>
    {
        ["LD_PRELOAD"] = folder.File("disk.so"),
        ["METERING_DISK_FOLDER"] = folder.Path,
        ["METERING_DISK_IMAGE"] = Image,
        ["METERING_DISK_CONTROL"] = folder.File("control"),
    };

    private string Image => folder.File("image");

    private string State => Path.Combine(Image, ".state");

    /// <summary>Puts a data folder on such a disk. What it holds now is safe.</summary>
    public static PowerDisk Under(DataFolder folder)
    {
        NativeLibrary.Compile("disk.c", folder.File("disk.so"));
        var disk = new PowerDisk(folder);
        Directory.CreateDirectory(folder.Path);
        disk.StoreAll();
        return disk;
    }

    /// <summary>
    /// The power fails: the files become what the disk holds. Call it when the process is dead.
    /// </summary>
    /// <param name="chance">Decides for each unsynced sector whether it had reached the disk by itself; null where none had.</param>
    /// <returns>How many sectors were forgotten.</returns>
    public long Cut(Random? chance)
    {
        var forgotten = 0L;
        foreach (var path in Directory.GetFiles(folder.Path))
        {
            var name = Path.GetFileName(path);
            var stored = Path.Combine(Image, name);
            if (!File.Exists(stored) && chance is not null && chance.Next(2) == 0 && File.Exists(Path.Combine(State, name)))
            {
                stored = Path.Combine(State, name); // Its name had reached the disk by itself.
            }

            if (!File.Exists(stored) || name.EndsWith("-shm", StringComparison.Ordinal))
            {
                forgotten += new FileInfo(path).Length / SectorBytes;
                File.Delete(path);
                continue;
            }

            var (cached, lasting) = (File.ReadAllBytes(path), File.ReadAllBytes(stored));
            var (result, lost) = Mix(cached, lasting, chance);
            forgotten += lost;
            File.WriteAllBytes(path, result);
        }

        StoreAll();
        return forgotten;
    }

    public void Dispose()
    {
        control.Dispose();
        file.Dispose();
    }

    private static (byte[] Result, long Lost) Mix(byte[] cached, byte[] lasting, Random? chance)
    {
        var lost = 0L;
        var result = new byte[chance is not null && chance.Next(2) == 0 ? cached.Length : lasting.Length];
        for (var at = 0; at < Math.Max(cached.Length, result.Length); at += SectorBytes)
        {
            var ours = Sector(cached, at);
            var theirs = Sector(lasting, at);
            var survives = chance is not null && chance.Next(2) == 0;
            if (!ours.SequenceEqual(theirs) && !survives)
            {
                lost++;
            }

            if (at < result.Length)
            {
                var from = survives ? ours : theirs;
                from[..Math.Min(from.Length, result.Length - at)].CopyTo(result.AsSpan(at));
            }
        }

        return (result, lost);
    }

    private static ReadOnlySpan<byte> Sector(byte[] bytes, int at) =>
        at >= bytes.Length ? [] : bytes.AsSpan(at, Math.Min(SectorBytes, bytes.Length - at));

    private void StoreAll()
    {
        if (Directory.Exists(Image))
        {
            Directory.Delete(Image, recursive: true);
        }

        Directory.CreateDirectory(State);
        foreach (var path in Directory.GetFiles(folder.Path))
        {
            File.Copy(path, Path.Combine(Image, Path.GetFileName(path)));
        }
    }
}
