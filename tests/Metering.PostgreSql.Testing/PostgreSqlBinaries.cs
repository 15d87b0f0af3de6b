using System.Diagnostics;
using System.Globalization;

namespace Metering.PostgreSql.Testing;

/// <summary>Finds PostgreSQL's programs on this machine: in PATH, or where the distributions put them.</summary>
internal static class PostgreSqlBinaries
{
    private const int OldestServer = 15;

    private static readonly string[] Needed = ["initdb", "pg_ctl", "postgres"];

    /// <summary>The folder that has initdb, pg_ctl and postgres of version 15 or later; null for none.</summary>
    public static string? Folder { get; } = OperatingSystem.IsWindows() ? null : Candidates().FirstOrDefault(IsUsable);

    private static IEnumerable<string> Candidates()
    {
        var path = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':', StringSplitOptions.RemoveEmptyEntries);
        return path.Select(Resolve)
            .Concat(Below("/usr/lib/postgresql", "*"))
            .Concat(Below("/usr", "pgsql-*"))
            .Concat(Below("/opt/homebrew/opt", "postgresql*"))
            .Concat(Below("/usr/local/opt", "postgresql*"));
    }

    /// <summary>The folder that a link in PATH points into: postgres looks for its files beside itself.</summary>
    private static string Resolve(string folder)
    {
        var program = new FileInfo(Path.Combine(folder, Needed[0]));
        return program.Exists && program.ResolveLinkTarget(returnFinalTarget: true) is { } target ? Path.GetDirectoryName(target.FullName)! : folder;
    }

    private static IEnumerable<string> Below(string folder, string pattern) => Directory.Exists(folder)
        ? Directory.GetDirectories(folder, pattern).OrderDescending(StringComparer.Ordinal).Select(version => Path.Combine(version, "bin"))
        : [];

    private static bool IsUsable(string folder) =>
        Needed.All(program => File.Exists(Path.Combine(folder, program))) && Version(Path.Combine(folder, "postgres")) >= OldestServer;

    private static int Version(string postgres)
    {
        using var process = Process.Start(new ProcessStartInfo(postgres, ["--version"]) { RedirectStandardOutput = true })!;
        var words = process.StandardOutput.ReadToEnd().Split([' ', '.', '\n'], StringSplitOptions.RemoveEmptyEntries);
        process.WaitForExit();
        return words.Length > 2 && int.TryParse(words[2], NumberStyles.None, CultureInfo.InvariantCulture, out var major) ? major : 0;
    }
}
