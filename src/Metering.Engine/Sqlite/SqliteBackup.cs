using SQLitePCL;

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
/// <para>Each file is copied by SQLite's online backup from a view of it, so that commits go on beside it. The views of a ledger's files are of one
/// moment, because entries may move from one file to another and would be in neither as of two. The directory's is of the moment before,
/// because an account has its first entries before its first key.</para>
/// <para>While a view is held, a file's log cannot be emptied, so it grows by what is written, and a meter that starts on a log with something in it
/// waits for two seconds and then says that the file is in use.</para>
/// </remarks>
public static class SqliteBackup
{
    // 8 MB: between two steps the copy can be cancelled and tells how far it is.
    private const int PagesAtOnce = 2_048;

    /// <summary>A ledger's files: the directory's where there is one, the ledger's own, and what it keeps beside that (<c>metering.….db</c>).</summary>
    /// <param name="path">The ledger's file, for example <c>metering-data/metering.db</c>.</param>
    /// <returns>Full paths, in the order in which a backup begins their views; none where there is no ledger.</returns>
    public static IReadOnlyList<string> FilesOf(string path)
    {
        var ledger = Path.GetFullPath(path);
        var directory = SqliteMeteringOptions.DirectoryPath(ledger);
        if (!File.Exists(ledger))
        {
            return [];
        }

        var pattern = $"{Path.GetFileNameWithoutExtension(ledger)}.*{Path.GetExtension(ledger)}";
        var others = Directory.EnumerateFiles(Path.GetDirectoryName(ledger)!, pattern)
            .Where(file => file != ledger && file != directory).Order(StringComparer.Ordinal);
        return [.. new[] { directory }.Where(File.Exists), ledger, .. others];
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
            using var views = SqliteViews.Open(files, files.Count(file => file == SqliteMeteringOptions.DirectoryPath(Path.GetFullPath(path))));
            var (done, all) = (0L, files.Sum(file => new FileInfo(file).Length));
            var copied = new List<BackedUpFile>();
            foreach (var view in views.All)
            {
                var before = done;
                var to = Path.Combine(partial, Path.GetFileName(view.Path));
                done += Copy(view, to, now => progress?.Invoke(before + now, Math.Max(all, before + now)), cancellationToken);
                copied.Add(new(Path.GetFileName(to), done - before));
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
        if (files.Count == 0)
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

    private static long Copy(SqliteView view, string to, Action<long> progress, CancellationToken cancellationToken)
    {
        try
        {
            using (var target = SqliteDatabase.Open(to, writable: true, busyMilliseconds: 0))
            {
                view.Database.CopyTo(target, PagesAtOnce, progress, cancellationToken);
            }

            return new FileInfo(to).Length;
        }
        catch (SqliteFailure failure) when (failure.Primary is raw.SQLITE_FULL or raw.SQLITE_IOERR or raw.SQLITE_CANTOPEN or raw.SQLITE_READONLY)
        {
            throw new IOException($"{Path.GetFileName(to)}: {failure.Message}", failure);
        }
        catch (SqliteFailure failure)
        {
            throw SqliteFile.StartupSentence(failure, view.Path);
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
