using Metering.Engine;
using Metering.Gateway;
using Microsoft.Extensions.Configuration;

namespace Metering.Cli;

/// <summary>The products and plans that a server in this folder would run with: a plan that only its settings know can be imported, too.</summary>
internal static class ToolCatalogue
{
    private const string ServersOwn = "appsettings.json";

    /// <summary>Reads the catalogue.</summary>
    /// <param name="settings">A file of settings; null for <c>appsettings.json</c> in the current folder, where there is one.</param>
    /// <exception cref="MeteringStartupException">The file is missing or a setting is wrong; the message names it.</exception>
    public static Catalogue Read(string? settings) => CatalogueReader.Read(Section(settings), Catalogue.Default);

    /// <summary>The section <c>Metering</c> of a server's settings: its file, and the environment, which wins.</summary>
    /// <param name="settings">A file of settings; null for <c>appsettings.json</c> in the current folder, where there is one.</param>
    /// <exception cref="MeteringStartupException">The file is missing or no JSON; the message names it.</exception>
    public static IConfigurationSection Section(string? settings)
    {
        if (settings is not null && !File.Exists(settings))
        {
            throw new MeteringStartupException($"--settings: there is no file {settings}; name the server's appsettings.json.");
        }

        try
        {
            return new ConfigurationBuilder()
                .AddJsonFile(Path.GetFullPath(settings ?? ServersOwn), optional: settings is null)
                .AddEnvironmentVariables()
                .Build()
                .GetSection("Metering");
        }
        catch (InvalidDataException error)
        {
            throw new MeteringStartupException($"{error.Message} {error.GetBaseException().Message}", error);
        }
    }
}
