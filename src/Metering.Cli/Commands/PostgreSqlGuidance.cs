namespace Metering.Cli;

/// <summary>
/// How a ledger in PostgreSQL is backed up and restored, with PostgreSQL's own programs, in lines that a shell runs as they are. The tests run
/// exactly these lines, under load.
/// </summary>
internal static class PostgreSqlGuidance
{
    /// <summary>The guidance for one database.</summary>
    /// <param name="location">The database.</param>
    /// <param name="folder">Where the backup goes, a full path.</param>
    public static string Of(PostgreSqlLocation location, string folder) =>
        $$"""
        PostgreSQL is backed up with its own programs, while servers run; this tool made no backup. In all that follows:
          TO={{Quote(folder)}}
          SERVER={{Quote(location.ServerSettings)}}
          DATABASE={{Quote(location.Database)}}

        One consistent file, as of the moment when it begins:
          mkdir -p "$TO"
          pg_dump --format=custom --file="$TO/metering.dump" --dbname="$SERVER dbname=$DATABASE"

        Restored into a database beside it:
          psql --dbname="$SERVER dbname=postgres" --command="CREATE DATABASE \"${DATABASE}_restored\""
          pg_restore --exit-on-error --dbname="$SERVER dbname=${DATABASE}_restored" "$TO/metering.dump"

        A base backup and the log since then, as a superuser on the server's machine. First the archive of the log; it begins with the server's next restart:
          mkdir -p "$TO/wal"
          psql --dbname="$SERVER dbname=postgres" --command="ALTER SYSTEM SET archive_mode = on"
          psql --dbname="$SERVER dbname=postgres" --command="ALTER SYSTEM SET archive_timeout = '60s'"
          psql --dbname="$SERVER dbname=postgres" --command="ALTER SYSTEM SET archive_command = 'test ! -f \"$TO/wal/%f\" && cp \"%p\" \"$TO/wal/%f\"'"

        Then the base backup:
          pg_basebackup --dbname="$SERVER" --pgdata="$TO/base" --checkpoint=fast --wal-method=stream

        Restored to the end of the log, as a server of its own, or to a moment with recovery_target_time as well. It answers reads before it is done:
          cp -a "$TO/base" "$TO/restored"
          echo "archive_mode = off" >> "$TO/restored/postgresql.auto.conf"
          echo "restore_command = 'cp \"$TO/wal/%f\" \"%p\"'" >> "$TO/restored/postgresql.auto.conf"
          touch "$TO/restored/recovery.signal"
          pg_ctl --pgdata="$TO/restored" --log="$TO/restored.log" --wait start
          until LC_ALL=C pg_controldata "$TO/restored" | grep -q "in production"; do sleep 1; done

        Prove a backup by restoring it:
          metering verify --store "Host=…;Database=…"
        """;

    // As one word of a shell, whatever is in it.
    private static string Quote(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
