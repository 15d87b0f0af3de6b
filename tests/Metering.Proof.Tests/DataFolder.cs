using Metering.Engine;

namespace Metering.Proof.Tests;

/// <summary>A temporary folder with a server's data: accounts with credits enough for every test, and their keys.</summary>
internal sealed class DataFolder : IDisposable
{
    /// <summary>How many accounts it has.</summary>
    public const int Accounts = 4;

    private readonly DirectoryInfo root;

    private DataFolder(DirectoryInfo root) => this.root = root;

    /// <summary>The server's data folder.</summary>
    public string Path => File("data");

    /// <summary>The accounts' API keys.</summary>
    public IReadOnlyList<string> Keys { get; private set; } = [];

    /// <summary>A temporary folder whose data folder is missing as yet.</summary>
    public static DataFolder Empty() => new(System.IO.Directory.CreateTempSubdirectory("metering-proof-"));

    /// <summary>A data folder with accounts, closed.</summary>
    public static async Task<DataFolder> CreateAsync()
    {
        var folder = Empty();
        folder.Keys = await ProofAccounts.OpenAsync(options => options.UseSqlite(System.IO.Path.Combine(folder.Path, "metering.db")), Accounts, ProofAccounts.Plenty);
        return folder;
    }

    /// <summary>A path beside the data folder.</summary>
    public string File(string name) => System.IO.Path.Combine(root.FullName, name);

    public void Dispose() => root.Delete(recursive: true);
}
