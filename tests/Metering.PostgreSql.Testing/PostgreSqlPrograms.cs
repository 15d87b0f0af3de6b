using System.Diagnostics;

namespace Metering.PostgreSql.Testing;

/// <summary>PostgreSQL's programs for operators, as far as they are installed beside those of the server.</summary>
public static class PostgreSqlPrograms
{
    private static readonly string[] ForBackups = ["pg_dump", "pg_restore", "psql", "pg_basebackup", "pg_controldata"];

    /// <summary>Why nothing can be backed up here, as a sentence; null where it can.</summary>
    public static string? WhyNoBackup { get; } = PostgreSqlBinaries.Folder is { } folder && ForBackups.All(program => File.Exists(Path.Combine(folder, program)))
        ? null
        : $"LEFT OUT: backups of PostgreSQL, because its programs {string.Join(", ", ForBackups)} are not all here, beside those of a server. Install them (on Debian: apt-get install postgresql).";

    /// <summary>Runs lines of a shell, to the first that fails, with the programs in PATH and as a user that is not root.</summary>
    /// <param name="script">The lines.</param>
    /// <returns>What they wrote.</returns>
    /// <exception cref="InvalidOperationException">A line failed; the message has what it said.</exception>
    public static async Task<string> RunAsync(string script)
    {
        var start = PostgreSqlServer.Run(PostgreSqlServer.AsOrdinaryUser(["sh", "-e", "-c", $"PATH=\"{PostgreSqlBinaries.Folder}:$PATH\"\n{script}"]));
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? await output : throw new InvalidOperationException($"{await errors}{await output}");
    }
}
