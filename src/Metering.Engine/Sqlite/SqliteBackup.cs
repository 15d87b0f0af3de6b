namespace Metering.Engine;

/// <summary>One file of a backup.</summary>
/// <param name="Name">Its name, the same as in the data folder.</param>
/// <param name="Bytes">Its size.</param>
public sealed record BackedUpFile(string Name, long Bytes);

/// <summary>
/// Copies the files of a SQLite data folder into another folder, while a meter runs on them or not. The copy is a data folder itself.
/// What was acknowledged before the backup began is in it, each account up to the end of one of its commits.
/// </summary>
/// <remarks>
/// <para>Each file is copied by SQLite's online backup from one view of it, so that commits go on beside it; a log cannot be emptied
/// meanwhile, so it grows by what is written. A meter that starts on a log that is not empty waits for the copy of that file to end.</para>
/// <para>The files are copied one after the other, which the order makes consistent: an account has its profile and its first entries before its
/// first key, so the directory goes first. A file that hands its records on to the ledger's goes before it: records that were handed on
/// between the two copies are then in both, never in neither, and the ledger's own mark says which it has.</para>
/// </remarks>
public static class SqliteBackup
{
    // 8 MB: between two steps the copy can be cancelled and tells how far it is.
    private const int PagesAtOnce = 2_048;

    // A checkpoint or a start may hold a file for a moment.
    private const int BusyMilliseconds = 10_000;

    // The first two bytes of every format's application id.
    private const long OwnFormats = 0x4D_54;

    /// <summary>The files that a ledger consists of and its directory, in the order in which they are copied.</summary>
    /// <param name="path">The ledger's file, for example <c>metering-data/metering.db</c>.</param>
    /// <returns>Full paths of the files that exist.</returns>
    public static IReadOnlyList<string> FilesOf(string path)
    {
        var ledger = Path.GetFullPath(path);
        var directory = SqliteMeteringOptions.DirectoryPath(ledger);
        var pattern = $"{Path.GetFileNameWithoutExtension(ledger)}.*{Path.GetExtension(ledger)}";
        var others = Directory.EnumerateFiles(Path.GetDirectoryName(ledger)!, pattern)
            .Where(file => file != ledger && file != directory).Order(StringComparer.Ordinal);
        return [.. new[] { directory }.Where(File.Exists), .. others, .. new[] { ledger }.Where(File.Exists)];
    }

    /// <summary>Copies a ledger and its directory.</summary>
    /// <param name="path">The ledger's file, for example <c>metering-data/metering.db</c>.</param>
    /// <param name="folder">Where the files go: missing or empty. It appears under this name when it is whole; until then <c>.partial</c> follows the name.</param>
    /// <param name="progress">Told the bytes copied and the bytes there are, of all files; null for nobody.</param>
    /// <param name="cancellationToken">Ends the backup; what was copied stays in the partial folder.</param>
    /// <exception cref="MeteringStartupException">A file cannot be read, the folder has something in it or cannot be written, or there is no room.</exception>
    public static IReadOnlyList<BackedUpFile> Run(
        string path, string folder, Action<long, long>? progress = null, CancellationToken cancellationToken = default)
    {
        var target = Path.GetFullPath(folder);
        var partial = Path.TrimEndingDirectorySeparator(target) + ".partial";
        try
        {
            var files = FilesOf(path);
            Prepare(path, files, target, partial);
            var (done, all) = (0L, files.Sum(file => new FileInfo(file).Length));
            var copied = new List<BackedUpFile>();
            foreach (var file in files)
            {
                var before = done;
                var bytes = Copy(file, Path.Combine(partial, Path.GetFileName(file)), now => progress?.Invoke(before + now, Math.Max(all, before + now)), cancellationToken);
                done += bytes;
                copied.Add(new(Path.GetFileName(file), bytes));
            }

            Publish(partial, target);
            return copied;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MeteringStartupException($"The backup cannot be written to {target} ({error.Message}). Choose another folder, or give this user the right to write there.", error);
        }
    }

    private static void Prepare(string path, IReadOnlyList<string> files, string target, string partial)
    {
        if (!files.Contains(Path.GetFullPath(path)))
        {
            throw new MeteringStartupException($"There is no ledger at {Path.GetFullPath(path)}; name the file or its folder.");
        }

        if (File.Exists(target) || (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any()))
        {
            throw new MeteringStartupException($"{target} exists and is not an empty folder; name a new one, so that no earlier backup is overwritten.");
        }

        SqliteFile.MakeFolder(partial);
        foreach (var file in files)
        {
            // Left by a backup that was broken off.
            File.Delete(Path.Combine(partial, Path.GetFileName(file)));
        }
    }

    private static long Copy(string from, string to, Action<long> progress, CancellationToken cancellationToken)
    {
        var name = Path.GetFileName(from);
        try
        {
            using var source = SqliteDatabase.Open(from, writable: false, BusyMilliseconds);
            if (source.Scalar("PRAGMA application_id") >> 16 != OwnFormats)
            {
                throw new MeteringStartupException($"The file {name} is a database of something else. Choose another path.");
            }

            using (var target = SqliteDatabase.Open(to, writable: true, BusyMilliseconds))
            {
                source.CopyTo(target, PagesAtOnce, progress, cancellationToken);
            }

            return new FileInfo(to).Length;
        }
        catch (SqliteFailure failure)
        {
            throw SqliteFile.StartupSentence(failure, from);
        }
    }

    private static void Publish(string partial, string target)
    {
        if (Directory.Exists(target))
        {
            Directory.Delete(target);
        }

        Directory.Move(partial, target);
    }
}
