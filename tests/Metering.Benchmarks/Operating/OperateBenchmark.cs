namespace Metering.Benchmarks;

/// <summary>A run of the tool as it is stored.</summary>
internal sealed record OperateResult(string Name, string What, long Rows, double Seconds, long PeakBytes);

/// <summary>
/// What an operator does, with the tool itself in processes of its own: imports accounts, once in one go and once with a kill half way, verifies,
/// backs up, verifies the backup, looks into it as restored, and exports a large account.
/// </summary>
internal sealed class OperateBenchmark(ResultStore results)
{
    public const string Usage = """
        operate   how long the tool takes to import accounts (with kill -9 half way too), to verify, to back up, to export
          --accounts N            100 to 10000000, default 100000
          --transactions N        1000 to 100000000, default 1000000: of the account that is exported
        """;

    public async Task RunAsync(Arguments arguments)
    {
        var accounts = arguments.Number("--accounts", 100_000, 100, 10_000_000);
        var transactions = arguments.Number("--transactions", 1_000_000, 1_000, 100_000_000);
        arguments.RefuseOthers();
        using var folder = new ScratchFolder("operate");
        string Of(string name) => Path.Combine(folder.Path, name);
        await SampleImport.WriteAsync(Of("accounts.ndjson"), accounts);
        var lines = accounts * SampleImport.LinesOfAccount;

        Task RunAsync(string name, string what, long rows, params string[] command) => MeasureAsync(name, what, rows, command);
        await RunAsync("import", $"{accounts:N0} accounts imported, {lines:N0} lines", lines, "import", Of("accounts.ndjson"), "--store", Of("data"));
        await RunAsync("verify", "verified", lines, "verify", "--store", Of("data"));
        await RunAsync("backup", "backed up", lines, "backup", "--store", Of("data"), "--to", Of("backup"));
        await RunAsync("verify-backup", "the backup verified", lines, "verify", "--store", Of("backup"));
        await RunAsync("restore", "the backup opened as a data folder", 1, "account", "show", "customer-0", "--store", Of("backup"));
        var killed = await ToolProcess.RunAsync(["import", Of("accounts.ndjson"), "--store", Of("broken")], killAt: "Importing: 50%");
        Console.WriteLine($"killed half way: {killed.Seconds:F1} s");
        await RunAsync("import-resumed", "imported after that kill", lines, "import", Of("accounts.ndjson"), "--store", Of("broken"));
        await RunAsync("verify-resumed", "verified after that", lines, "verify", "--store", Of("broken"));

        Console.WriteLine($"Writing {transactions:N0} entries of one account ...");
        await SampleStore.WriteAsync(Of("large"), transactions, accounts: 1);
        await RunAsync("export-ndjson", "exported as NDJSON", transactions, "export", "--store", Of("large"), "--account", "acct_0", "--to", Of("large.ndjson"));
        await RunAsync("export-csv", "exported as CSV", transactions, "export", "--store", Of("large"), "--account", "acct_0", "--format", "csv", "--to", Of("large.csv"));
    }

    private async Task MeasureAsync(string name, string what, long rows, string[] command)
    {
        var run = await ToolProcess.RunAsync(command);
        var result = new OperateResult($"operate-{name}", what, rows, run.Seconds, run.PeakBytes);
        results.Save(result.Name, result);
        Console.WriteLine($"{what}: {result.Seconds:F1} s, at most {result.PeakBytes >> 20} MB of memory");
    }
}
