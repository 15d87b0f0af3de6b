using System.Xml.Linq;

namespace Metering.Architecture.Tests;

/// <summary>The repository that these tests stand in, read as files: what a project may use is a matter of its project file.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot(AppContext.BaseDirectory);

    /// <summary>The project files of src, by project name.</summary>
    public static IReadOnlyDictionary<string, XDocument> Projects { get; } = Directory
        .EnumerateFiles(Path.Combine(Root, "src"), "*.csproj", SearchOption.AllDirectories)
        .ToDictionary(file => Path.GetFileNameWithoutExtension(file), file => XDocument.Load(file));

    /// <summary>The values of the Include attributes of an item.</summary>
    public static IEnumerable<string> Items(this XDocument project, string item) =>
        project.Descendants(item).Select(element => (string?)element.Attribute("Include") ?? string.Empty);

    /// <summary>The projects that a project references, by name.</summary>
    public static IEnumerable<string> References(this XDocument project) =>
        project.Items("ProjectReference").Select(path => Path.GetFileNameWithoutExtension(path.Replace('\\', '/')));

    /// <summary>The source files below a folder of the repository, build output left out.</summary>
    public static IEnumerable<string> Files(string folder, string pattern) => Directory
        .EnumerateFiles(Path.Combine(Root, folder), pattern, SearchOption.AllDirectories)
        .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal) &&
            !file.Contains($"{Path.DirectorySeparatorChar}bin{Path.DirectorySeparatorChar}", StringComparison.Ordinal));

    private static string FindRoot(string folder) => File.Exists(Path.Combine(folder, "Metering.sln"))
        ? folder
        : FindRoot(Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests do not run inside the repository."));
}
