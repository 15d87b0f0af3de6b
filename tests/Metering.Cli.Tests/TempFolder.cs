namespace Metering.Cli.Tests;

/// <summary>A folder of one test's own, which the test removes at its end.</summary>
internal sealed class TempFolder
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("metering-test-");

    public string File(string name) => Path.Combine(folder.FullName, name);

    public void Remove() => folder.Delete(recursive: true);
}
