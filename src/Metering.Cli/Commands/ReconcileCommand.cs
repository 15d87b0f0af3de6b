using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Metering.Engine;
using Metering.Gateway;
using Metering.Gateway.Payments;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Metering.Cli;

/// <summary><c>metering reconcile</c>: what the payment provider has taken, beside what the ledger has granted. It changes neither.</summary>
internal static class ReconcileCommand
{
    private static readonly string[] Heads = ["KIND", "ACCOUNT", "SUBJECT", "DIFFERENCE"];

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static Command Create(ToolTerminal terminal)
    {
        var store = new Option<string?>("--store")
        {
            Description = "The store to compare; a server may run on it: a SQLite store in use is compared by a copy. Left out: the store of the server's settings.",
            HelpName = "STORE",
        };
        var settings = AccountCommand.SettingsOption();
        settings.Description = "The server's settings, for its payment provider, plans and store; left out: appsettings.json in the current folder, and the environment.";
        var format = new Option<string>("--format") { Description = "table: for people. json: one object with the list.", HelpName = "FORMAT", DefaultValueFactory = _ => "table" };
        format.AcceptOnlyFromAmong("table", "json");
        var command = new Command(
            "reconcile",
            "Compare the ledger with the payment provider and print every difference. Exit codes: 0 there is none, 1 there are differences, 2 it could not be compared.") { store, settings, format };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            terminal, parsed.GetValue(store), parsed.GetValue(settings), parsed.GetRequiredValue(format) == "json", cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ToolTerminal terminal, string? store, string? settings, bool asJson, CancellationToken cancellationToken)
    {
        var section = ToolCatalogue.Section(settings);
        var location = store is null ? OfSettings(section) : StoreLocation.Parse(store);
        location.RequireExisting();
        try
        {
            return await RunAsync(terminal, location, section, asJson, cancellationToken);
        }
        catch (MeteringStartupException error) when (error.IsInUse && location is SqliteLocation)
        {
            return await RunOnCopyAsync(terminal, (SqliteLocation)location, section, asJson, cancellationToken);
        }
    }

    /// <summary>A server runs on the store: a consistent copy of it, which only this user may read, is compared instead and then deleted.</summary>
    private static async Task<int> RunOnCopyAsync(ToolTerminal terminal, SqliteLocation location, IConfigurationSection section, bool asJson, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("metering-reconcile-");
        try
        {
            var copy = Path.Combine(folder.FullName, "data");
            await terminal.ShowAsync(
                "Copying the store in use", "bytes", progress => Task.Run(() => SqliteBackup.Run(location.Path, copy, progress.Set, cancellationToken), cancellationToken));
            return await RunAsync(terminal, SqliteLocation.Of(Path.Combine(copy, Path.GetFileName(location.Path))), section, asJson, cancellationToken);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<int> RunAsync(ToolTerminal terminal, StoreLocation location, IConfigurationSection section, bool asJson, CancellationToken cancellationToken)
    {
        await using var services = Services(terminal, location, section);
        if (services.GetRequiredService<Payments>().Provider is null)
        {
            return await terminal.RefuseAsync($"{section.Path}:Payments:Provider is none, so there is nothing to compare the ledger with; name the server's settings with --settings.");
        }

        var reconciliation = services.GetRequiredService<Reconciliation>();
        var found = new List<PaymentDifference>();
        try
        {
            await foreach (var difference in reconciliation.CompareAsync(cancellationToken))
            {
                found.Add(difference);
            }
        }
        catch (PaymentProviderException error)
        {
            return await terminal.RefuseAsync($"The payment provider cannot be asked, so nothing is compared: {error.Message}");
        }

        await (asJson ? WriteJsonAsync(terminal.Output, found, reconciliation.Accounts) : WriteTableAsync(terminal.Output, found, reconciliation.Accounts));
        return found.Count == 0 ? ExitCode.Done : ExitCode.Unsound;
    }

    /// <summary>The server's own services, as far as comparing needs them; nothing of them is started.</summary>
    private static ServiceProvider Services(ToolTerminal terminal, StoreLocation location, IConfigurationSection section)
    {
        var services = new ServiceCollection();
        services.AddSingleton(terminal.Time);
        services.AddLogging();
        services.AddCreditMetering(options =>
        {
            options.Catalogue = CatalogueReader.Read(section, options.Catalogue);
            _ = location switch
            {
                PostgreSqlLocation database => options.UsePostgreSql(database.ConnectionString),
                SqliteLocation file => options.UseSqlite(file.Path),
                _ => throw new ArgumentOutOfRangeException(nameof(location), location, "There is no such store."),
            };
        });
        services.AddPayments(section);
        return services.BuildServiceProvider();
    }

    private static StoreLocation OfSettings(IConfigurationSection section) =>
        MeteringConfiguration.PostgreSqlConnection(section) is { } connection ? PostgreSqlLocation.Of(connection)
        : section["Store"] == "memory" ? throw new MeteringStartupException($"{section.Path}:Store is memory, which only the server's own process has; there is nothing to compare.")
        : SqliteLocation.Of(MeteringConfiguration.DatabasePath(section));

    private static async Task WriteTableAsync(TextWriter output, List<PaymentDifference> found, int accounts)
    {
        if (found.Count > 0)
        {
            string[][] rows = [Heads, .. found.Select(difference => new[] { difference.Kind, difference.Account ?? "-", difference.Subject, difference.Message })];
            int[] widths = [.. Enumerable.Range(0, Heads.Length - 1).Select(column => rows.Max(row => row[column].Length))];
            foreach (var row in rows)
            {
                await output.WriteLineAsync(string.Join("  ", row.Select((text, column) => column < widths.Length ? text.PadRight(widths[column]) : text)));
            }
        }

        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"Accounts compared: {accounts}; differences: {found.Count}."));
    }

    private static async Task WriteJsonAsync(TextWriter output, List<PaymentDifference> found, int accounts)
    {
        var differences = found.Select(difference => (JsonNode)new JsonObject
        {
            ["kind"] = difference.Kind,
            ["account"] = difference.Account,
            ["subject"] = difference.Subject,
            ["message"] = difference.Message,
        });
        await output.WriteLineAsync(new JsonObject { ["accounts"] = accounts, ["differences"] = new JsonArray([.. differences]) }.ToJsonString(Indented));
    }
}
