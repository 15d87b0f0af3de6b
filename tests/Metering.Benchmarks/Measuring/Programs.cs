namespace Metering.Benchmarks;

/// <summary>Finds other people's programs.</summary>
internal static class Programs
{
    /// <summary>A program's path: in PATH, else in one of some further folders; null where it is not installed.</summary>
    public static string? Find(string name, params IEnumerable<string> furtherFolders) =>
        (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator)
            .Concat(furtherFolders)
            .Where(folder => folder.Length > 0)
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);
}
