{{- define "hub.name" -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "hub.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "hub.labels" -}}
{{ include "hub.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "hub.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "hub.configMap" -}}
{{ .Values.existingConfigMap | default (printf "%s-config" (include "hub.name" .)) }}
{{- end -}}

{{- define "hub.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (ternary (include "hub.name" .) "default" .Values.serviceAccount.create) }}
{{- end -}}

{{- define "hub.topicPrefix" -}}
{{ dig "name" "hub" (default dict .Values.config) }}
{{- end -}}

{{/* What every pod of the hub has: who it runs as, what is mounted, and what the environment says. */}}
{{- define "hub.podMetadata" -}}
labels:
  {{- include "hub.labels" .root | nindent 2 }}
  app.kubernetes.io/component: {{ .component }}
  {{- with .root.Values.podLabels }}{{ toYaml . | nindent 2 }}{{ end }}
{{- with .root.Values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "hub.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "hub.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "hub.environment" -}}
env:
  - {name: HUB_KAFKA, value: {{ required "kafka.bootstrapServers is required: the hub runs against your Kafka cluster" .Values.kafka.bootstrapServers | quote }}}
  - {name: HUB_HOME, value: /var/lib/hub}
  - {name: HUB_LOG_FORMAT, value: json}
  - {name: HUB_LOG_LEVEL, value: {{ .Values.logLevel | quote }}}
  {{- if .Values.allowPrivate }}
  - {name: HUB_ALLOW_PRIVATE, value: "1"}
  {{- end }}
  {{- range $name, $value := .Values.kafka.properties }}
  - {name: {{ printf "HUB_KAFKA_%s" ($name | replace "." "_" | upper) }}, value: {{ $value | quote }}}
  {{- end }}
  {{- range $name, $from := .Values.kafka.secretProperties }}
  - name: {{ printf "HUB_KAFKA_%s" ($name | replace "." "_" | upper) }}
    valueFrom: {secretKeyRef: {name: {{ $from.secret }}, key: {{ $from.key }}}}
  {{- end }}
  {{- with .token }}
  - name: HUB_TOKEN
    valueFrom: {secretKeyRef: {name: {{ .secret }}, key: {{ .key }}}}
  {{- end }}
  {{- range $name, $value := .Values.extraEnv }}
  - {name: {{ $name }}, value: {{ $value | quote }}}
  {{- end }}
{{- with .Values.envFrom }}
envFrom:
  {{- range . }}
  - secretRef: {name: {{ . }}}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "hub.mounts" -}}
volumeMounts:
  - {name: config, mountPath: /etc/hub/config, readOnly: true}
  - {name: home, mountPath: /var/lib/hub}
  - {name: run, mountPath: /run/hub}
  - {name: tmp, mountPath: /tmp}
  {{- if .Values.secretFiles }}
  - {name: secrets, mountPath: /etc/hub/secrets, readOnly: true}
  {{- end }}
  {{- with .Values.extraVolumeMounts }}{{ toYaml . | nindent 2 }}{{ end }}
{{- end -}}

{{- define "hub.volumes" -}}
volumes:
  - name: config
    configMap: {name: {{ include "hub.configMap" . }}}
  - name: home
    emptyDir: {sizeLimit: {{ .Values.home.sizeLimit }}}
  - name: run
    emptyDir: {medium: Memory, sizeLimit: 1Mi}
  - name: tmp
    emptyDir: {sizeLimit: 256Mi}
  {{- if .Values.secretFiles }}
  - name: secrets
    projected:
      defaultMode: 0440
      sources:
        {{- range .Values.secretFiles }}
        - secret:
            name: {{ .secret }}
            items: [{key: {{ .key }}, path: {{ .file }}}]
        {{- end }}
  {{- end }}
  {{- with .Values.extraVolumes }}{{ toYaml . | nindent 2 }}{{ end }}
{{- end -}}

{{- define "hub.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "hub.selector" .root | nindent 8 }}
        app.kubernetes.io/component: {{ .component }}
{{- end -}}
