namespace Metering.Engine;

/// <summary>A file and a connection whose view of it is fixed.</summary>
/// <param name="Path">The full path.</param>
/// <param name="Database">The connection.</param>
internal sealed record SqliteView(string Path, SqliteDatabase Database);

/// <summary>Views of several files of which another process may be writing each, all of one moment.</summary>
internal sealed class SqliteViews : IDisposable
{
    // A checkpoint or a start may hold a file for a moment.
    private const int BusyMilliseconds = 10_000;

    // Beginning the views takes far less than the time between two commits of any but the busiest file, which comes last.
    private const int Attempts = 1_000;

    // The first two bytes of every format's application id.
    private const long OwnFormats = 0x4D_54;

    private readonly List<SqliteView> views = [];
    private readonly List<SqliteDatabase> watches = [];

    /// <summary>The views, in the order given.</summary>
    public IReadOnlyList<SqliteView> All => views;

    /// <summary>Begins views of files.</summary>
    /// <param name="paths">Full paths; the one that is written most often comes last.</param>
    /// <param name="before">How many of the first files may be seen as of a moment before the others'.</param>
    /// <exception cref="MeteringStartupException">A file cannot be read, is none of a meter, or no common moment was found.</exception>
    public static SqliteViews Open(IReadOnlyList<string> paths, int before)
    {
        var opened = new SqliteViews();
        try
        {
            foreach (var path in paths)
            {
                opened.Add(path);
            }

            opened.Begin(before);
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        views.ForEach(view => view.Database.Dispose());
        watches.ForEach(watch => watch.Dispose());
    }

    private void Add(string path)
    {
        try
        {
            views.Add(new(path, SqliteDatabase.Open(path, writable: false, BusyMilliseconds)));
            watches.Add(SqliteDatabase.Open(path, writable: false, BusyMilliseconds));
            if (views[^1].Database.Scalar("PRAGMA application_id") >> 16 != OwnFormats)
            {
                throw new MeteringStartupException($"The file {Path.GetFileName(path)} is a database of something else. Move it out of the folder, or choose another path.");
            }
        }
        catch (SqliteFailure failure)
        {
            throw SqliteFile.StartupSentence(failure, path);
        }
    }

    private void Begin(int before)
    {
        var current = 0;
        try
        {
            for (; current < before; current++)
            {
                views[current].Database.BeginView();
            }

            for (var attempt = 0; attempt < Attempts; attempt++)
            {
                // No commit to any but the last file while the views began: then all of them show the moment at which the last one began.
                var versions = Versions(before);
                for (current = before; current < views.Count; current++)
                {
                    views[current].Database.BeginView();
                }

                current = before;
                if (Versions(before).SequenceEqual(versions))
                {
                    return;
                }

                views.Skip(before).ToList().ForEach(view => view.Database.TryRollBack());
            }
        }
        catch (SqliteFailure failure)
        {
            throw SqliteFile.StartupSentence(failure, views[current].Path);
        }

        throw new MeteringStartupException(
            $"No moment between two commits of {Path.GetFileName(views[before].Path)} was found; try again when less is written.");
    }

    private long[] Versions(int before) => [.. watches.Skip(before).SkipLast(1).Select(watch => watch.Scalar("PRAGMA data_version"))];
}
